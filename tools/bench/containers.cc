// SPDX-License-Identifier: MIT
//
// hkbench_cxx: what the containers and strings of the C++ library ask of new and delete. The same main
// program, options and output as hkbench.
#include "hkbench.h"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace
{

struct random_source {
	uint64_t state;
	uint32_t below(uint32_t n)
	{
		return random_below(&state, n);
	}
};

// Words of a few letters and, one in four, sentences that no small-string buffer holds.
std::string make_string(random_source &random)
{
	static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz";
	std::string text;
	unsigned length = 3 + random.below(10);
	if (random.below(4) == 0)
		length += random.below(200);
	while (text.size() < length)
		text += letters[random.below(sizeof letters - 1)];
	return text;
}

// A document with owners in several places: the last of them frees it.
struct document {
	std::string title;
	std::vector<int> words;
	std::shared_ptr<document> previous;
};

struct library {
	std::map<uint32_t, std::shared_ptr<document>> by_number;
	std::unordered_map<std::string, std::shared_ptr<document>> by_title;
	std::list<std::shared_ptr<document>> recent;
	std::deque<std::pair<uint32_t, std::string>> log;
};

void add(library &all, random_source &random, uint32_t number)
{
	auto made = std::make_shared<document>();
	made->title = make_string(random);
	for (unsigned i = random.below(40); i > 0; i--)
		made->words.push_back(static_cast<int>(i));
	if (!all.recent.empty() && random.below(2) == 0 && !all.recent.front()->previous)
		made->previous = all.recent.back();
	all.by_number[number] = made;
	all.by_title[made->title] = made;
	all.recent.push_back(made);
	all.log.emplace_back(number, "added " + made->title);
}

// 4,000 numbers are in use; a number that is used again drops who had it.
void step(library &all, random_source &random)
{
	uint32_t number = random.below(4000);
	auto at = all.by_number.find(number);
	if (at != all.by_number.end()) {
		all.by_title.erase(at->second->title);
		all.log.emplace_back(number, "removed " + at->second->title);
		at->second->previous.reset();
		all.by_number.erase(at);
	}
	add(all, random, number);
	while (all.recent.size() > 500) {
		all.recent.front()->previous.reset();
		all.recent.pop_front();
	}
	while (all.log.size() > 3000)
		all.log.pop_front();
}

void containers(uint64_t n)
{
	random_source random{41};
	library all;
	for (uint64_t i = 0; i < n; i++) {
		step(all, random);
		if (i % 64 == 63)
			lap(64);
	}
}

using lines = std::vector<std::string>;

lines split(const std::string &text)
{
	lines parts;
	size_t from = 0, to;
	while ((to = text.find(' ', from)) != std::string::npos) {
		parts.push_back(text.substr(from, to - from));
		from = to + 1;
	}
	return parts;
}

// Text is put together, split, sorted, counted and joined again.
size_t work_on_text(random_source &random)
{
	std::string text;
	for (int i = 0; i < 5000; i++)
		text += make_string(random) + ' ';
	lines parts = split(text);
	std::sort(parts.begin(), parts.end());
	std::map<std::string, lines> by_beginning;
	for (const std::string &part : parts)
		by_beginning[part.substr(0, 2)].push_back(part + "," + std::to_string(part.size()));
	std::string joined;
	for (const auto &entry : by_beginning)
		for (const std::string &part : entry.second)
			joined += entry.first + ": " + part + "\n";
	return joined.size();
}

void strings(uint64_t n)
{
	static volatile size_t sink;
	random_source random{42};
	for (uint64_t i = 0; i < n; i++) {
		sink = sink + work_on_text(random);
		lap(1);
	}
}

} // namespace

const struct scenario scenarios[] = {
        {"cxx-containers", 350000, containers,
         "a document of shared owners enters a map, a hash map, a list and a deque; an old one leaves", 0},
        {"cxx-strings", 60, strings, "5,000 strings are joined, split, sorted and grouped", 0},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
