#ifndef ERRNO_H
#define ERRNO_H
#define ENFILE 23 /* File table overflow */
#define EMFILE 24 /* Too many open files */
#define ENOSPC 28 /* No space left on device */
#define EROFS  30 /* Read-only file system */
#endif
