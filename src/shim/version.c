#include "hakmem.h"
