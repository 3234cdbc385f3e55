// SPDX-License-Identifier: MIT
//
// A C++ program as they are: containers, strings, exceptions and thread_local objects in many
// threads, static objects that are destroyed at the end.
#include "t.h"

#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{
std::unordered_map<std::string, std::vector<int>> at_start{{"one", {1}}, {"two", {1, 2}}};

struct Slow_end {
	std::vector<std::string> words{100, std::string(50, 'x')};
	~Slow_end()
	{
		words.push_back(std::string(5000, 'y'));
		std::vector<std::string> copy = words;
		CHECK(copy.back().size() == 5000);
	}
};
thread_local Slow_end per_thread;
Slow_end per_process;

int deep(int n)
{
	std::string s(static_cast<size_t>(n) * 10, 'a');

	if (n == 0)
		throw std::runtime_error(std::string(300, 'e'));
	return deep(n - 1) + static_cast<int>(s.size());
}

void work(unsigned seed)
{
	std::unordered_map<unsigned, std::unique_ptr<std::vector<unsigned>>> map;
	uint64_t state = seed;

	per_thread.words.emplace_back("hello");
	for (int i = 0; i < 20000; i++) {
		auto &v = map[draw(&state) % 500];

		if (!v)
			v = std::make_unique<std::vector<unsigned>>();
		for (unsigned k = 0; k < 20; k++)
			v->push_back(k);
		CHECK(std::accumulate(v->begin(), v->end(), 0u) == v->size() / 20 * 190);
		if (v->size() > 1000)
			v.reset();
		if (i % 500 == 0) {
			bool caught = false;
			try {
				deep(20);
			} catch (const std::runtime_error &e) {
				caught = std::string(e.what()).size() == 300;
			}
			CHECK(caught);
		}
	}
}
} // namespace

int main()
{
	for (int wave = 0; wave < 3; wave++) {
		std::vector<std::thread> threads;

		for (unsigned i = 0; i < 6; i++)
			threads.emplace_back(work, i);
		for (auto &t : threads)
			t.join();
	}
	CHECK(at_start["two"].size() == 2);
	return 0;
}
