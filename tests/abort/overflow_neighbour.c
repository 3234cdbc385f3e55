/* SPDX-License-Identifier: MIT
 *
 * A write beyond the end of a block, into memory that was never handed out. Found when that is, at the end of the process at
 * the latest; with security = full when the block is freed.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(736)); /* nobody else's size */

	(void) argv;
	if (bug(argc, "write beyond a neighbouring block", p + 736))
		p[736] = 1;
	return done();
}
