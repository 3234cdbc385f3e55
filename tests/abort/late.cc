// SPDX-License-Identifier: MIT
//
// Misuse that shows late or little, each in a process of its own: "late WHAT NUMBER". Ends with 0 where nobody sees it.
#include <cstdlib>
#include <cstring>
#include <new>

static void *volatile sink;

static char *block(std::size_t size)
{
	sink = std::malloc(size);
	return static_cast<char *>(sink);
}

// Into a block that was freed before so many others that nothing waits for it any more.
static void write_late(int at)
{
	static char *others[5000];
	char *volatile p = block(100);

	std::free(p);
	for (char *&other : others)
		other = block(300);
	for (char *other : others)
		std::free(other);
	p[at] = 7;
}

static void delete_near(int off)
{
	sink = operator new(100);
	operator delete(sink, static_cast<std::size_t>(100 + off));
}

static void zeros_beyond(int more)
{
	char *p = block(24);

	std::memset(p, 0, static_cast<std::size_t>(24 + more));
}

// Before a block whose neighbour is in use.
static void zeros_before(int bytes)
{
	static char *all[20000];
	char *found = nullptr;

	for (char *&p : all)
		p = block(24);
	for (char *p : all)
		for (int i = 0; i < 20000 && found == nullptr; i++)
			if (all[i] == p - 32)
				found = p;
	if (found == nullptr)
		return;
	std::memset(found - bytes, 0, static_cast<std::size_t>(bytes));
	std::free(found);
}

int main(int argc, char **argv)
{
	int number = argc > 2 ? std::atoi(argv[2]) : 0;

	if (argc > 2 && std::strcmp(argv[1], "write-late") == 0)
		write_late(number);
	else if (argc > 2 && std::strcmp(argv[1], "delete-near") == 0)
		delete_near(number);
	else if (argc > 2 && std::strcmp(argv[1], "zeros-beyond") == 0)
		zeros_beyond(number);
	else if (argc > 2 && std::strcmp(argv[1], "zeros-before") == 0)
		zeros_before(number);
	else
		return 2;
	return 0;
}
