// SPDX-License-Identifier: MIT
//
// operator new and delete in all forms, and what C++ demands of failure: the new-handler is called
// until it helps, throws or goes away; then bad_alloc, or a null pointer from the nothrow forms.
#include "t.h"

#include <initializer_list>
#include <new>

namespace
{
const size_t HUGE = SIZE_MAX / 2 - 4096;
const std::align_val_t A64{64}, A4096{4096};
int handler_calls;

void *aligned_to(void *p, size_t align)
{
	CHECK(p != nullptr && (reinterpret_cast<uintptr_t>(p) & (align - 1)) == 0);
	memset(p, 1, 100);
	return hidden(p);
}

void every_form()
{
	::operator delete(aligned_to(::operator new(100), 16));
	::operator delete(aligned_to(::operator new(100), 16), size_t{100});
	::operator delete(aligned_to(::operator new(100, std::nothrow), 16), std::nothrow);
	::operator delete[](aligned_to(::operator new[](100), 16));
	::operator delete[](aligned_to(::operator new[](100), 16), size_t{100});
	::operator delete[](aligned_to(::operator new[](100, std::nothrow), 16), std::nothrow);
	::operator delete(aligned_to(::operator new(100, A64), 64), A64);
	::operator delete(aligned_to(::operator new(100, A64), 64), size_t{100}, A64);
	::operator delete(aligned_to(::operator new(100, A4096, std::nothrow), 4096), A4096, std::nothrow);
	::operator delete[](aligned_to(::operator new[](100, A64), 64), A64);
	::operator delete[](aligned_to(::operator new[](100, A64), 64), size_t{100}, A64);
	::operator delete[](aligned_to(::operator new[](100, A4096, std::nothrow), 4096), A4096, std::nothrow);
	::operator delete(hidden(nullptr));
	::operator delete[](hidden(nullptr));
	::operator delete(hidden(nullptr), A64);
	::operator delete(::operator new(0));
	void *a = ::operator new(0), *b = ::operator new(0);
	CHECK(a != b);
	::operator delete(a);
	::operator delete(b);
	free(hidden(::operator new(100))); // one heap under both
}

template <class F> bool throws(F f)
{
	try {
		f();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

// Every form that allocates, with or without a handler the same.
struct Form {
	const char *name;
	bool nothrow;
	void *(*allocate)(size_t size);
};
const Form FORMS[] = {
	{"new", false, [](size_t n) { return ::operator new(n); }},
	{"new[]", false, [](size_t n) { return ::operator new[](n); }},
	{"new aligned", false, [](size_t n) { return ::operator new(n, A64); }},
	{"new[] aligned", false, [](size_t n) { return ::operator new[](n, A4096); }},
	{"new nothrow", true, [](size_t n) { return ::operator new(n, std::nothrow); }},
	{"new[] nothrow", true, [](size_t n) { return ::operator new[](n, std::nothrow); }},
	{"new aligned nothrow", true, [](size_t n) { return ::operator new(n, A4096, std::nothrow); }},
	{"new[] aligned nothrow", true, [](size_t n) { return ::operator new[](n, A64, std::nothrow); }},
};
struct Other {
};
enum Outcome { BLOCK, NOTHING, BAD_ALLOC, OTHER };

Outcome outcome(const Form &form, size_t size)
{
	void *p;

	try {
		p = hidden(form.allocate(hidden_size(size)));
	} catch (const std::bad_alloc &) {
		return BAD_ALLOC;
	} catch (const Other &) {
		return OTHER;
	}
	free(p); // one heap under all
	return p != nullptr ? BLOCK : NOTHING;
}

void gives_up_the_third_time()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

void throws_bad_alloc()
{
	handler_calls++;
	throw std::bad_alloc();
}

void throws_other()
{
	handler_calls++;
	throw Other();
}

void throws_derived()
{
	handler_calls++;
	throw std::bad_array_new_length();
}

void passes_on()
{
	handler_calls++;
	CHECK(std::set_new_handler(throws_other) == passes_on && std::get_new_handler() == throws_other);
}

// What each form does of a size that nothing can help, and how often it asks the handler.
void every_handler()
{
	static const struct {
		std::new_handler handler;
		int calls;
		Outcome thrown;
	} cases[] = {
		{nullptr, 0, BAD_ALLOC}, {gives_up_the_third_time, 3, BAD_ALLOC}, {throws_bad_alloc, 1, BAD_ALLOC},
		{throws_derived, 1, BAD_ALLOC}, {throws_other, 1, OTHER}, {passes_on, 2, OTHER},
	};

	for (const auto &one : cases)
		for (const Form &form : FORMS)
			for (size_t size : {HUGE, SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX - 4094}) {
				// Rounded up to the alignment such sizes wrap round to nothing in libstdc++'s own.
				if (!HAVE_HAKMEM && size > SIZE_MAX - 4096 && strstr(form.name, "aligned") != nullptr)
					continue;
				handler_calls = 0;
				std::set_new_handler(one.handler);
				Outcome was = outcome(form, size);
				if (was != (form.nothrow ? NOTHING : one.thrown) || handler_calls != one.calls) {
					dprintf(2, "%s: outcome %d after %d calls\n", form.name, was, handler_calls);
					CHECK(!"as the standard has it");
				}
				CHECK(std::set_new_handler(nullptr) == (handler_calls == 3 ? nullptr : one.handler == passes_on ? throws_other : one.handler));
				CHECK(outcome(form, 100) == BLOCK);
			}
}

const size_t MIB = 1 << 20;
rlimit limit;
void *reserve;

// Memory for one more block, the second time only.
void helps()
{
	if (++handler_calls != 2)
		return;
	free(reserve);
	reserve = nullptr;
}

void leave_addresses(size_t bytes)
{

	/* A request that fails brings back the addresses that security = full keeps from others. */
	CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = 16 * MIB;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0 && hidden(malloc(300 * MIB)) == nullptr);
	limit.rlim_cur = limit.rlim_max;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	leave_address_space(bytes);
}

void handler_that_helps()
{
	std::set_new_handler(helps);
	for (const Form &form : FORMS) {
		int status = 0;
		pid_t child = fork(); // what one form has freed helps no other

		CHECK(child >= 0);
		if (child == 0) {
			leave_addresses(400 * MIB);
			reserve = NEW(200 * MIB);
			CHECK(reserve != nullptr);
			handler_calls = 0;
			CHECK(outcome(form, 300 * MIB) == BLOCK && handler_calls == 2 && reserve == nullptr);
			_exit(0);
		}
		CHECK(waitpid(child, &status, 0) == child && status == 0);
	}
	std::set_new_handler(nullptr);
}

// The length of an array is the compiler's business: it refuses, or asks for SIZE_MAX bytes. What it makes of it is ours.
void array_lengths()
{
	struct Pair {
		long a, b;
		~Pair() {}
	};

	CHECK(throws([] { hidden(new long[hidden_size(SIZE_MAX / 4)]); })); // GCC: bad_array_new_length, which is a bad_alloc
	for (size_t n : {SIZE_MAX / 8, SIZE_MAX / 16, SIZE_MAX / 32 + 1, SIZE_MAX / 32 - 100}) {
		CHECK(throws([n] { hidden(new Pair[hidden_size(n)]); }));
		CHECK(hidden(new (std::nothrow) Pair[hidden_size(n)]) == nullptr);
	}
	for (size_t n = 0; n < 5000; n += 1 + n / 7)
		delete[] static_cast<Pair *>(hidden(new Pair[hidden_size(n)]));
}

// No alignment at all: refused without asking anybody, since no memory would help.
void bad_alignments()
{
	for (size_t align : {size_t{0}, size_t{3}, size_t{48}, SIZE_MAX}) {
		const std::align_val_t bad{hidden_size(align)};

		handler_calls = 0;
		std::set_new_handler(throws_other);
		CHECK(throws([bad] { hidden(::operator new(100, bad)); }));
		CHECK(throws([bad] { hidden(::operator new[](100, bad)); }));
		CHECK(hidden(::operator new(100, bad, std::nothrow)) == nullptr);
		CHECK(hidden(::operator new[](100, bad, std::nothrow)) == nullptr);
		CHECK(handler_calls == 0);
		std::set_new_handler(nullptr);
		CHECK(throws([bad] { hidden(::operator new(100, bad)); }));
		CHECK(hidden(::operator new(100, bad, std::nothrow)) == nullptr);
	}
}

void nothing_is_unique()
{
	const size_t forms = sizeof(FORMS) / sizeof(FORMS[0]);
	void *p[3 * forms];

	for (size_t i = 0; i < 3 * forms; i++) {
		p[i] = hidden(FORMS[i % forms].allocate(hidden_size(0)));
		CHECK(p[i] != nullptr);
		for (size_t k = 0; k < i; k++)
			CHECK(p[i] != p[k]);
	}
	for (void *one : p)
		free(one);
}

// Sizes and alignments as the compiler would hand them to the sized forms.
void sized_and_aligned()
{
	for (size_t size = 0; size < 100000; size = size * 5 / 4 + 1) {
		::operator delete(hidden(::operator new(size)), size);
		::operator delete[](hidden(::operator new[](size)), size);
		for (size_t align = 1; align <= MIB; align *= 4) {
			const std::align_val_t a{align};

			::operator delete(aligned_to(::operator new(size + 100, a), align), size + 100, a);
			::operator delete[](aligned_to(::operator new[](size + 100, a, std::nothrow), align), size + 100, a);
			::operator delete(aligned_to(::operator new(size + 100, a), align), a, std::nothrow);
		}
	}
}
} // namespace

int main()
{
	every_form();
	nothing_is_unique();
	sized_and_aligned();
	every_handler();
	array_lengths();
	bad_alignments();
	handler_that_helps();
	every_form();
	return 0;
}
