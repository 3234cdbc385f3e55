/* SPDX-License-Identifier: MIT
 *
 * Copying and appending text and numbers.
 */
#include "base/text.h"

#include <string.h>

bool hk_text_copy(char *ret, size_t size, const char *text)
{
	size_t n = strlen(text);
	bool fits = n < size;

	if (!fits)
		n = size - 1;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return fits;
}

bool hk_text_append(char *ret, size_t size, const char *text)
{
	size_t used = strlen(ret);

	return hk_text_copy(ret + used, size - used, text);
}

bool hk_text_append_number(char *ret, size_t size, uint64_t number)
{
	char digits[21], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char) ('0' + number % 10);
	while ((number /= 10) != 0);
	return hk_text_append(ret, size, p);
}

bool hk_text_append_hex(char *ret, size_t size, uint64_t number)
{
	char digits[19], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = "0123456789abcdef"[number & 15];
	while ((number >>= 4) != 0);
	*--p = 'x';
	*--p = '0';
	return hk_text_append(ret, size, p);
}

uint64_t hk_text_number(const char *text)
{
	uint64_t number = 0;

	while (*text == ' ')
		text++;
	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (uint64_t) (*text - '0');
	return number;
}
