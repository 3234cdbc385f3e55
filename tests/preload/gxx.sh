#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# g++ on a file heavy with templates: the assembly must be the same byte for byte, and the program
# that comes out must run.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need g++

cat >"$T/heavy.cc" <<'END'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct Fib { static constexpr long value = Fib<N - 1>::value + Fib<N - 2>::value; };
template <> struct Fib<1> { static constexpr long value = 1; };
template <> struct Fib<0> { static constexpr long value = 0; };
template <class... T> auto sum(T... t) { return (t + ...); }
template <size_t... I> auto table(std::index_sequence<I...>) { return std::vector<size_t>{(I * I)...}; }
template <class K> size_t use(K k) {
	std::map<K, std::vector<std::tuple<K, int, std::string>>> m;
	std::unordered_map<std::string, std::function<int(int)>> f{{"a", [](int x) { return x + 1; }}};
	m[k].emplace_back(k, f["a"](3), "text");
	std::sort(m[k].begin(), m[k].end(), [](auto &a, auto &b) { return std::get<1>(a) < std::get<1>(b); });
	return m.size();
}
int main() {
	std::variant<int, double, std::string> v = std::string("variant");
	std::regex r("([a-z]+)([0-9]+)");
	std::cout << Fib<80>::value << ' ' << sum(1, 2, 3, 4.5) << ' ' << table(std::make_index_sequence<400>()).back() << ' '
	          << use(1) + use(2L) + use(3.0) + use(std::string("x")) + use('c') << ' '
	          << std::visit([](auto &x) { return sizeof(x); }, v) << ' ' << std::regex_match("abc123", r) << '\n';
}
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced full}; do
    mkdir "$T/$mode" && cp "$T/heavy.cc" "$T/$mode"
    (cd "$T/$mode" && in_mode "$mode" g++ -std=c++17 -O1 -S -frandom-seed=1 heavy.cc -o heavy.s) || fail "$mode: g++ -S: status $?"
    same "$mode" "$T/bare/heavy.s" "$T/$mode/heavy.s"
done
(cd "$T/balanced" && in_mode balanced g++ -pipe heavy.s -o heavy) || fail "assembling and linking: status $?"
in_mode balanced "$T/balanced/heavy" >"$T/out" || fail "the program: status $?"
in_mode bare "$T/balanced/heavy" >"$T/expected"
same "the program" "$T/expected" "$T/out"
saw g++ cc1plus as ld heavy
say "$(wc -l <"$T/bare/heavy.s") lines of assembly"
