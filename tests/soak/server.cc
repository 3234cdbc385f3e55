/* SPDX-License-Identifier: MIT
 *
 * A server as they are written in C++: a thread for each connection, shared tables behind locks, strings, vectors and maps that grow
 * and shrink, and a reaper thread that frees what others have allocated. What it answers is determined by what one
 * connection asks, whatever others do: each has keys of its own.
 *
 *   server SOCKET; requests are lines, each answered by one:
 *   put KEY SIZE SEED | get KEY | del KEY | push KEY N SEED | sort KEY | text N SEED | words N SEED | clear
 */
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#include <algorithm>

namespace {

uint64_t step(uint64_t &state)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return state >> 33;
}

uint64_t sum_of(const std::string &text)
{
	return std::accumulate(text.begin(), text.end(), uint64_t{14695981039346656037ULL},
	                       [](uint64_t sum, char c) { return (sum ^ static_cast<unsigned char>(c)) * 1099511628211ULL; });
}

std::string bytes_of(size_t size, uint64_t seed)
{
	std::string text;

	while (text.size() < size)
		text += std::to_string(step(seed));
	text.resize(size);
	return text;
}

/* Frees in its own time what other threads hand over. */
class Reaper {
public:
	void take(std::shared_ptr<void> dead)
	{
		std::lock_guard<std::mutex> hold(lock);
		waiting.push_back(std::move(dead));
		if (waiting.size() >= 64)
			wake.notify_one();
	}
	[[noreturn]] void run()
	{
		for (;;) {
			std::unique_lock<std::mutex> hold(lock);
			std::vector<std::shared_ptr<void>> all;

			wake.wait_for(hold, std::chrono::milliseconds(50));
			all.swap(waiting);
			hold.unlock();
		}
	}

private:
	std::mutex lock;
	std::condition_variable wake;
	std::vector<std::shared_ptr<void>> waiting;
} reaper;

class Store {
public:
	void put(const std::string &key, std::string value)
	{
		auto fresh = std::make_shared<std::string>(std::move(value));
		std::lock_guard<std::mutex> hold(lock);
		auto &place = texts[key];

		if (place)
			reaper.take(std::move(place));
		place = std::move(fresh);
	}
	std::shared_ptr<std::string> get(const std::string &key)
	{
		std::lock_guard<std::mutex> hold(lock);
		auto found = texts.find(key);

		return found == texts.end() ? nullptr : found->second;
	}
	bool del(const std::string &key)
	{
		std::lock_guard<std::mutex> hold(lock);
		auto found = texts.find(key);

		if (found == texts.end())
			return false;
		reaper.take(std::move(found->second));
		texts.erase(found);
		return true;
	}
	size_t clear(const std::string &prefix)
	{
		std::lock_guard<std::mutex> hold(lock);
		size_t before = texts.size();

		for (auto at = texts.begin(); at != texts.end();)
			at = at->first.compare(0, prefix.size(), prefix) == 0 ? texts.erase(at) : std::next(at);
		return before - texts.size();
	}

private:
	std::mutex lock;
	std::unordered_map<std::string, std::shared_ptr<std::string>> texts;
} store;

/* How often each word comes, and the longest: a tree of many small blocks. */
std::string count_words(size_t n, uint64_t seed)
{
	std::map<std::string, std::vector<size_t>> places;
	std::ostringstream answer;

	for (size_t i = 0; i < n; i++)
		places[bytes_of(1 + step(seed) % 40, step(seed) % 997)].push_back(i);
	auto most = std::max_element(places.begin(), places.end(), [](const auto &a, const auto &b) { return a.second.size() < b.second.size(); });
	answer << places.size() << ' ' << most->first << ' ' << most->second.size();
	return answer.str();
}

class Session {
public:
	explicit Session(std::string name) : own(std::move(name)) {}
	std::string answer(const std::string &line)
	{
		std::istringstream words(line);
		std::string verb, key;
		uint64_t n = 0, seed = 0;

		words >> verb;
		if (verb == "text" || verb == "words") {
			words >> n >> seed;
			return verb == "text" ? std::to_string(sum_of(bytes_of(n, seed))) : count_words(n, seed);
		}
		words >> key >> n >> seed;
		key = own + key;
		if (verb == "put") {
			store.put(key, bytes_of(n, seed));
			return "stored";
		}
		if (verb == "get") {
			auto text = store.get(key);
			return text ? std::to_string(text->size()) + " " + std::to_string(sum_of(*text)) : "none";
		}
		if (verb == "del")
			return store.del(key) ? "gone" : "none";
		if (verb == "push")
			return push(lists[key], n, seed);
		if (verb == "sort")
			return sort(lists[key]);
		if (verb == "clear") {
			lists.clear();
			return std::to_string(store.clear(own));
		}
		return "what?";
	}

private:
	static std::string push(std::vector<std::string> &list, uint64_t n, uint64_t seed)
	{
		for (uint64_t i = 0; i < n; i++)
			list.push_back(bytes_of(step(seed) % 200, seed));
		return std::to_string(list.size());
	}
	static std::string sort(std::vector<std::string> &list)
	{
		uint64_t sum = 0;

		std::sort(list.begin(), list.end());
		for (const auto &one : list)
			sum = sum * 31 + sum_of(one);
		if (list.size() > 3000) {
			list.resize(100);
			list.shrink_to_fit();
		}
		return std::to_string(sum);
	}
	std::string own;
	std::map<std::string, std::vector<std::string>> lists;
};

void serve(int fd)
{
	auto buffer = std::make_unique<std::array<char, 65536>>();
	std::string pending, answers;
	std::unique_ptr<Session> session;

	for (;;) {
		ssize_t n = read(fd, buffer->data(), buffer->size());
		size_t end;

		if (n <= 0)
			break;
		pending.append(buffer->data(), static_cast<size_t>(n));
		while ((end = pending.find('\n')) != std::string::npos) {
			std::string line = pending.substr(0, end);

			pending.erase(0, end + 1);
			if (!session)
				session = std::make_unique<Session>(line + ":"); /* the first line names it */
			else
				answers += session->answer(line) + "\n";
		}
		for (size_t sent = 0; sent < answers.size();) {
			ssize_t done = write(fd, answers.data() + sent, answers.size() - sent);

			if (done <= 0)
				break;
			sent += static_cast<size_t>(done);
		}
		answers.clear();
	}
	close(fd);
}

} // namespace

int main(int argc, char **argv)
{
	sockaddr_un at{};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 2 || std::string(argv[1]).size() >= sizeof at.sun_path) {
		std::cerr << "usage: server SOCKET\n";
		return 2;
	}
	std::signal(SIGINT, SIG_DFL); // a shell without job control has what it starts in the background ignore it
	at.sun_family = AF_UNIX;
	std::string(argv[1]).copy(at.sun_path, sizeof at.sun_path - 1);
	if (bind(listener, reinterpret_cast<sockaddr *>(&at), sizeof at) != 0 || listen(listener, 64) != 0) {
		std::perror(argv[1]);
		return 1;
	}
	std::thread([] { reaper.run(); }).detach();
	for (;;) {
		int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);

		if (fd >= 0)
			std::thread(serve, fd).detach();
	}
}
