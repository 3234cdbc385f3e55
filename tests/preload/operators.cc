// SPDX-License-Identifier: MIT
//
// operator new and delete in all forms, and what C++ demands of failure: the new-handler is called
// until it helps, throws or goes away; then bad_alloc, or a null pointer from the nothrow forms.
#include "t.h"

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

void without_handler()
{
	std::set_new_handler(nullptr);
	CHECK(throws([] { hidden(::operator new(hidden_size(HUGE))); }));
	CHECK(throws([] { hidden(::operator new[](hidden_size(HUGE))); }));
	CHECK(throws([] { hidden(::operator new(hidden_size(HUGE), A64)); }));
	CHECK(throws([] { hidden(::operator new[](hidden_size(HUGE), A64)); }));
	CHECK(throws([] { hidden(::operator new(hidden_size(SIZE_MAX))); }));
	CHECK(hidden(::operator new(hidden_size(HUGE), std::nothrow)) == nullptr);
	CHECK(hidden(::operator new[](hidden_size(HUGE), std::nothrow)) == nullptr);
	CHECK(hidden(::operator new(hidden_size(HUGE), A64, std::nothrow)) == nullptr);
	CHECK(hidden(::operator new[](hidden_size(HUGE), A64, std::nothrow)) == nullptr);
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

struct Other {
};

void throws_other()
{
	throw Other();
}

template <class F> int calls(std::new_handler handler, F f)
{
	handler_calls = 0;
	std::set_new_handler(handler);
	f();
	std::set_new_handler(nullptr);
	return handler_calls;
}

void with_handler()
{
	CHECK(calls(gives_up_the_third_time, [] {
		      CHECK(throws([] { hidden(::operator new(hidden_size(HUGE))); }));
	      }) == 3);
	CHECK(calls(gives_up_the_third_time, [] {
		      CHECK(hidden(::operator new(hidden_size(HUGE), std::nothrow)) == nullptr);
	      }) == 3);
	CHECK(calls(gives_up_the_third_time, [] {
		      CHECK(throws([] { hidden(::operator new(hidden_size(HUGE), A4096)); }));
	      }) == 3);
	CHECK(calls(throws_bad_alloc, [] {
		      CHECK(throws([] { hidden(::operator new[](hidden_size(HUGE))); }));
	      }) == 1);
	CHECK(calls(throws_bad_alloc, [] { // nothrow turns the handler's bad_alloc into null
		      CHECK(hidden(::operator new(hidden_size(HUGE), std::nothrow)) == nullptr);
		      CHECK(hidden(::operator new[](hidden_size(HUGE), A64, std::nothrow)) == nullptr);
	      }) == 2);
	bool seen = false;
	std::set_new_handler(throws_other);
	try {
		hidden(::operator new(hidden_size(HUGE)));
	} catch (const Other &) {
		seen = true;
	}
	CHECK(seen);
	std::set_new_handler(nullptr);
}
} // namespace

int main()
{
	every_form();
	without_handler();
	with_handler();
	every_form();
	return 0;
}
