/* SPDX-License-Identifier: MIT
 *
 * Text and templates of manual pages.
 */
#include "mdoc.h"

#include <stdio.h>
#include <string.h>

void mdoc_text(const char *text)
{
	size_t column = 0;
	bool ended = false;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > 0 && (ended || column + 1 + n > 78))
			column = (size_t) printf("\n") - 1;
		if (column > 0)
			column += (size_t) printf(" ");
		else if (*text == '.' || *text == '\'')
			column += (size_t) printf("\\&");
		if (strncmp(text, "--", 2) == 0 && n > 2)
			column += (size_t) printf("\\-\\-%.*s", (int) n - 2, text + 2);
		else
			column += (size_t) printf("%.*s", (int) n, text);
		ended = text[n - 1] == '.';
		text += n;
		text += *text == ' ';
	}
	putchar('\n');
}

int mdoc_fill(const char *template, bool (*fill)(const char *name, const char *argument))
{
	FILE *file = fopen(template, "r");
	char line[1024], name[64], argument[64];

	if (file == NULL) {
		perror(template);
		return 1;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		*argument = '\0';
		if (sscanf(line, ".\\\" @%63[A-Z]%*[ ]%63[^@\n]@", name, argument) < 1 || !fill(name, argument))
			fputs(line, stdout);
	}
	fclose(file);
	return 0;
}
