// SPDX-License-Identifier: MIT
//
// A C++ module for dlopen: brings libstdc++ into a C program that runs already.
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

extern "C" char *module_make(size_t size);
extern "C" void module_free(char *p);

namespace
{
std::map<std::string, std::string> *words = new std::map<std::string, std::string>{{"a", std::string(100, 'b')}};
struct At_unload {
	~At_unload()
	{
		delete words;
	}
} at_unload;
} // namespace

char *module_make(size_t size)
{
	try {
		(*words)[std::to_string(size)] = std::string(size % 1000, 'c');
		throw std::string(200, 'x');
	} catch (const std::string &s) {
		return static_cast<char *>(std::memset(::operator new(size), 0x42, size));
	}
}

void module_free(char *p)
{
	::operator delete(p);
}
