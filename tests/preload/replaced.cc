// SPDX-License-Identifier: MIT
//
// A program that replaces plain operator new and delete, as many do that count or tag their blocks, and no other form: the
// others are to call these ([new.delete]), or its delete is handed blocks that its new has not made.
#include "t.h"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace
{
const size_t HEAD = 32;
const long MARK = 0x5eed5eed;
long made, dropped;
} // namespace

void *operator new(size_t size)
{
	char *p = static_cast<char *>(malloc(size + HEAD));

	if (p == nullptr)
		throw std::bad_alloc();
	*reinterpret_cast<long *>(p) = MARK;
	made++;
	return p + HEAD;
}

void operator delete(void *p) noexcept
{
	if (p == nullptr)
		return;
	char *start = static_cast<char *>(p) - HEAD;

	CHECK(*reinterpret_cast<long *>(start) == MARK);
	*reinterpret_cast<long *>(start) = 0;
	dropped++;
	free(start);
}

namespace
{
struct Base {
	virtual ~Base() = default;
	int numbers[20] = {};
};

template <class T> T *veiled(T *p)
{
	return static_cast<T *>(hidden(p));
}

void every_form()
{
	delete veiled(new Base);
	delete[] veiled(new Base[7]);
	delete veiled(new (std::nothrow) int(1));
	delete[] veiled(new (std::nothrow) char[3000]);
	::operator delete(hidden(::operator new(100)), size_t{100});
	::operator delete[](hidden(::operator new[](100)), size_t{100});
	::operator delete[](hidden(::operator new[](100)), std::nothrow);
	::operator delete(hidden(::operator new(50000)), size_t{50000});
	::operator delete(hidden(::operator new(64, std::align_val_t{64})), std::align_val_t{64});
	::operator delete(hidden(::operator new(64, std::align_val_t{64})), size_t{64}, std::align_val_t{64});
}
} // namespace

int main()
{
	every_form();
	{
		std::vector<std::string> words;
		for (int i = 0; i < 5000; i++)
			words.push_back(std::string(static_cast<size_t>(i % 70), 'x'));
		std::stable_sort(words.begin(), words.end()); // a buffer by nothrow new
		auto shared = std::make_shared<Base>();
	}
	CHECK(made == dropped && made > 2000);
	return 0;
}
