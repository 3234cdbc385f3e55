// SPDX-License-Identifier: MIT
//
// Many kinds of heap misuse in one program: `misuse list` names them, `misuse NAME` commits one and then goes on as a program
// does that has not noticed: it allocates a little and ends. Who stops it before status 0 has caught it. misuse.sh counts.
//
// Sizes go from a few bytes to some megabytes, because an allocator treats them differently.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <vector>

namespace
{

const size_t KIB = 1024, MIB = 1024 * KIB;

// The compiler is not to know where a pointer comes from.
template<class T> T *hidden(T *p)
{
	T *volatile q = p;

	return q;
}

char *get(size_t size)
{
	char *p = hidden(static_cast<char *>(std::malloc(size)));

	if (p == nullptr)
		std::_Exit(4);
	return p;
}

void drop(void *p)
{
	std::free(hidden(p));
}

// What programs do between one thing and the next.
void go_on(size_t size)
{
	char *p[40];

	for (char *&q : p) {
		q = get(size);
		q[0] = 1;
	}
	for (char *q : p)
		drop(q);
}

void set(char *p, ptrdiff_t from, ptrdiff_t to)
{
	for (ptrdiff_t i = from; i < to; i++)
		hidden(p)[i] = 0x55;
}

// ---- double frees ----

void free_twice(size_t size)
{
	char *p = get(size);

	drop(p);
	drop(p);
}

void free_twice_between(size_t size)
{
	char *p = get(size), *q = get(size);

	drop(p);
	drop(q);
	drop(p);
	go_on(size);
}

void free_twice_later(size_t size)
{
	char *p = get(size);

	drop(p);
	for (int i = 0; i < 3000; i++)
		drop(get(i % 7 == 0 ? size : 40));
	drop(p);
	drop(p);
	go_on(size);
}

void free_twice_threads(size_t size)
{
	char *p = get(size);

	std::thread([p] { drop(p); }).join();
	drop(p);
	go_on(size);
}

// ---- frees of what is no block ----

void free_inside(size_t size, size_t at)
{
	char *p = get(size);

	drop(p + at);
	go_on(size);
}

void free_before(size_t size, size_t by)
{
	char *p = get(size);

	drop(p - by);
	go_on(size);
}

char in_bss[4096];
alignas(64) char in_data[4096] = {1};

void free_foreign(int what)
{
	char on_stack[256];

	on_stack[0] = 1;
	switch (what) {
	case 0:
		drop(in_bss);
		break;
	case 1:
		drop(in_data + 64);
		break;
	case 2:
		drop(on_stack + 16);
		break;
	case 3:
		drop(mmap(nullptr, 16 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		break;
	case 4:
		drop(reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(&free_foreign) & ~static_cast<uintptr_t>(15)));
		break;
	case 5:
		drop(reinterpret_cast<void *>(static_cast<uintptr_t>(0x10)));
		break;
	case 6:
		drop(reinterpret_cast<void *>(static_cast<uintptr_t>(0x4141414141414140)));
		break;
	default:
		drop(get(100) + 64 * MIB);
		break;
	}
	go_on(64);
}

// ---- writes beyond the ends ----

void overflow(size_t size, size_t by)
{
	char *p = get(size);

	set(p, static_cast<ptrdiff_t>(size), static_cast<ptrdiff_t>(size + by));
	drop(p);
	go_on(size);
}

void underflow(size_t size, size_t by)
{
	char *p = get(size);

	set(p, -static_cast<ptrdiff_t>(by), 0);
	drop(p);
	go_on(size);
}

// Between two others that live on.
void overflow_between(size_t size, size_t by)
{
	char *p[3];

	for (char *&q : p)
		q = get(size);
	set(p[1], static_cast<ptrdiff_t>(size), static_cast<ptrdiff_t>(size + by));
	for (char *q : p)
		drop(q);
	go_on(size);
}

void read_overflow(size_t size, size_t by)
{
	char *p = get(size);
	volatile char sum = 0;

	for (size_t i = 0; i < size + by; i += 64)
		sum = static_cast<char>(sum + hidden(p)[i]);
	drop(p);
}

// ---- use after free ----

void write_after_free(size_t size, size_t from, size_t n)
{
	char *p = get(size);

	drop(p);
	set(p, static_cast<ptrdiff_t>(from), static_cast<ptrdiff_t>(from + n));
	go_on(size);
}

void write_after_free_reused(size_t size)
{
	char *p = get(size), *q[64];

	drop(p);
	for (char *&one : q) {
		one = get(size);
		std::memset(one, 0, size);
	}
	std::memset(hidden(p), 0x55, size);
	for (char *one : q)
		for (size_t i = 0; i < size; i += 16)
			if (one[i] != 0)
				std::_Exit(0); // it came back: somebody else's data are spoilt
	for (char *one : q)
		drop(one);
	std::_Exit(5); // it did not come back soon: nobody was hurt
}

void read_after_free(size_t size)
{
	char *p = get(size);

	std::memset(p, 0x77, size);
	drop(p);
	if (hidden(p)[size - 1] != 0x77 && hidden(p)[size / 2] != 0x77)
		std::_Exit(5); // what was there cannot be read any more
}

void realloc_after_free(size_t size)
{
	char *p = get(size);

	drop(p);
	drop(std::realloc(hidden(p), size * 2));
	go_on(size);
}

void usable_after_free(size_t size)
{
	char *p = get(size);

	drop(p);
	if (malloc_usable_size(hidden(p)) == 0)
		std::_Exit(5);
}

void read_uninitialised(size_t size)
{
	char *p = get(size);

	std::memset(p, 0x77, size);
	drop(p);
	for (int i = 0; i < 200; i++) {
		char *q = get(size);
		if (q[size - 1] == 0x77)
			std::_Exit(0); // a stranger's data
		drop(q);
	}
	std::_Exit(5);
}

// ---- zero size, impossible sizes ----

void write_zero_size()
{
	char *p = get(0);

	set(p, 0, 1);
	drop(p);
	go_on(1);
}

void read_zero_size()
{
	char *p = get(0);
	volatile char c = hidden(p)[0];

	(void) c;
	drop(p);
}

void impossible(int what)
{
	volatile size_t most = SIZE_MAX;
	void *p = nullptr;

	switch (what) {
	case 0:
		p = std::malloc(most);
		break;
	case 1:
		p = std::malloc(most - 4096);
		break;
	case 2:
		p = std::calloc(most / 2, 4);
		break;
	case 3:
		p = std::realloc(std::malloc(16), most - 64);
		break;
	case 4:
		p = reallocarray(std::malloc(16), most / 8, 16);
		break;
	case 5:
		p = memalign(4096, most - 5000);
		break;
	default:
		p = std::malloc(most / 2 + 2);
		break;
	}
	std::_Exit(p == nullptr ? 5 : 0);
}

// ---- the wrong way to free ----

struct Small {
	char bytes[24];
};
struct Big {
	char bytes[400];
};

void mismatched(int what)
{
	switch (what) {
	case 0:
		::operator delete(hidden(get(64)), static_cast<size_t>(640));
		break;
	case 1:
		::operator delete(hidden(static_cast<char *>(::operator new(sizeof(Small)))), sizeof(Big));
		break;
	case 2:
		::operator delete(hidden(static_cast<char *>(::operator new(sizeof(Big)))), sizeof(Small));
		break;
	case 3:
		::operator delete[](hidden(static_cast<char *>(::operator new[](1000))), static_cast<size_t>(10));
		break;
	case 4:
		::operator delete(hidden(static_cast<char *>(::operator new(64))), std::align_val_t(4096));
		break;
	case 5:
		::operator delete(hidden(static_cast<char *>(::operator new(100 * KIB))), static_cast<size_t>(10 * KIB));
		break;
	case 6:
		::operator delete[](hidden(new Small[10] + 1));
		break;
	default:
		::operator delete(hidden(static_cast<char *>(::operator new(64))) + 16);
		break;
	}
	go_on(64);
	go_on(400);
}

// ---- the table ----

struct Misuse {
	std::string group, name;
	void (*commit)(size_t size, size_t by);
	size_t size, by;
};

std::string text(size_t n)
{
	return n >= MIB ? std::to_string(n / MIB) + "M" : n >= KIB && n % KIB == 0 ? std::to_string(n / KIB) + "K" : std::to_string(n);
}

const size_t sizes[] = {8, 16, 64, 1000, 4 * KIB, 100 * KIB, 4 * MIB}, fit[] = {16, 32, 64, 128, 1024, 4 * KIB, 32 * KIB, 128 * KIB, 2 * MIB};
const size_t by[] = {1, 32, MIB};

struct Table {
	std::vector<Misuse> all;

	Table();
	void add(const char *group, const std::string &name, void (*commit)(size_t, size_t), size_t size, size_t more);
	void of_size(size_t s);
	void beyond(size_t s);
	void others();
};

Table::Table()
{
	for (size_t s : sizes)
		of_size(s);
	for (size_t s : sizes)
		beyond(s);
	for (size_t s : fit)
		if (s != 16 && s != 64 && s != 4 * KIB) // those are there
			beyond(s);
	others();
}

void Table::add(const char *group, const std::string &name, void (*commit)(size_t, size_t), size_t size, size_t more)
{
	all.push_back({group, name + "-" + text(size) + (more > 0 ? "-" + text(more) : ""), commit, size, more});
}

void Table::of_size(size_t s)
{
	add("double-free", "twice", [](size_t n, size_t) { free_twice(n); }, s, 0);
	add("double-free", "twice-between", [](size_t n, size_t) { free_twice_between(n); }, s, 0);
	add("double-free", "twice-later", [](size_t n, size_t) { free_twice_later(n); }, s, 0);
	add("double-free", "twice-threads", [](size_t n, size_t) { free_twice_threads(n); }, s, 0);
	add("wrong-pointer", "before", [](size_t n, size_t) { free_before(n, 16); }, s, 0);
	add("use-after-free", "write", [](size_t n, size_t) { write_after_free(n, 0, 8); }, s, 0);
	add("use-after-free", "write-reused", [](size_t n, size_t) { write_after_free_reused(n); }, s, 0);
	add("use-after-free", "read", [](size_t n, size_t) { read_after_free(n); }, s, 0);
	add("use-after-free", "realloc", [](size_t n, size_t) { realloc_after_free(n); }, s, 0);
	add("use-after-free", "usable", [](size_t n, size_t) { usable_after_free(n); }, s, 0);
	add("use-after-free", "stale-data", [](size_t n, size_t) { read_uninitialised(n); }, s, 0);
	if (s < 64)
		return;
	add("wrong-pointer", "inside", [](size_t n, size_t) { free_inside(n, 16); }, s, 0);
	add("wrong-pointer", "inside-odd", [](size_t n, size_t) { free_inside(n, 1); }, s, 0);
	add("use-after-free", "write-middle", [](size_t n, size_t) { write_after_free(n, n / 2, 8); }, s, 0);
}

void Table::beyond(size_t s)
{
	for (size_t n : by) {
		add("overflow", "overflow", overflow, s, n);
		add("underflow", "underflow", underflow, s, n);
		if (n < MIB)
			add("overflow", "overflow-between", overflow_between, s, n);
	}
}

void Table::others()
{
	for (size_t s : sizes)
		add("overflow", "read-overflow", read_overflow, s, MIB);
	add("size", "zero-write", [](size_t, size_t) { write_zero_size(); }, 0, 0);
	add("size", "zero-read", [](size_t, size_t) { read_zero_size(); }, 0, 0);
	for (size_t what = 0; what < 8; what++) {
		add("wrong-pointer", "foreign", [](size_t n, size_t) { free_foreign(static_cast<int>(n)); }, what, 0);
		add("mismatched", "mismatched", [](size_t n, size_t) { mismatched(static_cast<int>(n)); }, what, 0);
		if (what < 7)
			add("size", "impossible", [](size_t n, size_t) { impossible(static_cast<int>(n)); }, what, 0);
	}
}
} // namespace

int main(int argc, char **argv)
{
	for (const Misuse &m : Table().all) {
		if (argc < 2 || std::strcmp(argv[1], "list") == 0)
			std::printf("%s %s\n", m.group.c_str(), m.name.c_str());
		else if (m.name == argv[1]) {
			m.commit(m.size, m.by);
			return 0;
		}
	}
	return argc < 2 || std::strcmp(argv[1], "list") == 0 ? 0 : 2;
}
