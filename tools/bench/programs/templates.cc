// SPDX-License-Identifier: MIT
//
// g++: a source that asks much of the compiler, not of the machine: nested templates and many containers instantiated
// with types of their own. Compiled, never run.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N> struct unit {
	int amount;
	bool operator<(const unit &other) const
	{
		return amount < other.amount;
	}
};

template <int A, int B> unit<A + B> operator*(unit<A> a, unit<B> b)
{
	return {a.amount * b.amount};
}

template <int N> struct store {
	std::map<unit<N>, std::string> names;
	std::unordered_map<std::string, std::vector<unit<N>>> amounts;
	std::set<std::pair<unit<N>, int>> seen;
	std::variant<unit<N>, std::string, std::vector<int>> last;

	int add(const std::string &name, int amount)
	{
		unit<N> made{amount + N};
		names.emplace(made, name);
		auto &list = amounts[name];
		list.push_back(made);
		std::sort(list.begin(), list.end(), [](const auto &a, const auto &b) { return b < a; });
		seen.insert({made, N});
		last = name;
		return std::accumulate(list.begin(), list.end(), 0, [](int sum, const auto &u) { return sum + u.amount; });
	}
	std::function<int(int)> adder(std::string name)
	{
		return [this, name](int amount) { return add(name, amount); };
	}
};

template <std::size_t... I> int use_all(std::index_sequence<I...>)
{
	std::tuple<store<static_cast<int>(I)>...> stores;
	int total = (0 + ... + std::get<I>(stores).add("name", static_cast<int>(I)));
	return total + (0 + ... + std::get<I>(stores).adder("other")(1));
}

template <int A, int B> struct product {
	static int value()
	{
		return (unit<A>{A} * unit<B>{B}).amount + product<A - 1, (B * 7 + A) % 31>::value();
	}
};

template <int B> struct product<0, B> {
	static int value()
	{
		return B;
	}
};

int main()
{
	std::regex pattern("([a-z]+)=([0-9]+)");
	std::smatch match;
	std::string text = "size=12";
	int total = std::regex_match(text, match, pattern) ? std::stoi(match[2]) : 0;
	return total + use_all(std::make_index_sequence<4>()) + product<120, 5>::value();
}
