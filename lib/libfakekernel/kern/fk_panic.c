/*
 * This file and its contents are supplied under the terms of the
 * Common Development and Distribution License ("CDDL"), version 1.0.
 * You may only use this file in accordance with the terms of version
 * 1.0 of the CDDL.
 *
 * A full copy of the text of the CDDL should have accompanied this
 * source.  A copy of the CDDL is also available via the Internet at
 * http://www.illumos.org/license/CDDL.
 */

/*
 * Messages and panic.
 *
 * A panic says what happened, then shows stacks: the current thread's, those of
 * the locks it holds, and whatever the check that failed has recorded.  It ends
 * in abort().
 */

#include "fk_impl.h"

char *panicstr;

static kthread_t *fk_panic_thread;
static uint32_t fk_panicking;
static char fk_panicbuf[512];

void
vcmn_err(int level, const char *fmt, __va_list ap)
{
	static const char *const prefix[] = {
		[CE_CONT] = "",
		[CE_NOTE] = "NOTICE: ",
		[CE_WARN] = "WARNING: "
	};
	char buf[512];
	size_t len, n;

	if (level == CE_PANIC)
		vpanic(fmt, ap);
	if (level == CE_IGNORE)
		return;
	ASSERT(level == CE_CONT || level == CE_NOTE || level == CE_WARN);
	/* Where the message would go to the log or console only. */
	if (*fmt == '!' || *fmt == '^' || *fmt == '?')
		fmt++;
	len = strlcpy(buf, prefix[level], sizeof (buf));
	n = fkh_vsnprintf(buf + len, sizeof (buf) - len - 1, fmt, ap);
	len = MIN(len + n, sizeof (buf) - 2);
	if (level != CE_CONT)
		buf[len++] = '\n';
	fkh_write_stderr(buf, len);
}

void
cmn_err(int level, const char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	vcmn_err(level, fmt, ap);
	va_end(ap);
}

void
vzcmn_err(zoneid_t zoneid, int level, const char *fmt, __va_list ap)
{
	vcmn_err(level, fmt, ap);
}

void
zcmn_err(zoneid_t zoneid, int level, const char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	vcmn_err(level, fmt, ap);
	va_end(ap);
}

void
printf(const char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	vcmn_err(CE_CONT, fmt, ap);
	va_end(ap);
}

size_t
vsnprintf(char *buf, size_t len, const char *fmt, __va_list ap)
{
	return (fkh_vsnprintf(buf, len, fmt, ap));
}

size_t
snprintf(char *buf, size_t len, const char *fmt, ...)
{
	__va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fkh_vsnprintf(buf, len, fmt, ap);
	va_end(ap);
	return (n);
}

char *
vsprintf(char *buf, const char *fmt, __va_list ap)
{
	(void) fkh_vsnprintf(buf, INT_MAX, fmt, ap);
	return (buf);
}

char *
sprintf(char *buf, const char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	(void) fkh_vsnprintf(buf, INT_MAX, fmt, ap);
	va_end(ap);
	return (buf);
}

/*
 * Everything is compiled with frame pointers; the chain is followed for as long
 * as it stays within the stack, because the host's libraries have none.
 */
int
fk_stack_get(void **pc, int max)
{
	uintptr_t *fp = __builtin_frame_address(0);
	uintptr_t top, next;
	int n = 0;

	top = curthread == NULL ? 0 : (uintptr_t)curthread->t_stacktop;
	while (n < max && (uintptr_t)fp + 2 * sizeof (*fp) <= top) {
		if (fp[1] == 0)
			break;
		pc[n++] = (void *)fp[1];
		next = fp[0];
		if (next <= (uintptr_t)fp || next % sizeof (*fp) != 0)
			break;
		fp = (uintptr_t *)next;
	}
	if (n < max)
		pc[n] = NULL;
	return (n);
}

void
fk_stack_print(const char *what, void *const *pc, int max)
{
	int n;

	for (n = 0; n < max && pc[n] != NULL; n++)
		;
	fk_message("%s:", what);
	if (n == 0)
		fk_message("(not recorded; boot with fc_checks)");
	fkh_print_backtrace(pc, n);
}

void
fk_backtrace(const char *what)
{
	void *pc[32];

	(void) fk_stack_get(pc, ARRAY_SIZE(pc));
	fk_stack_print(what, pc, ARRAY_SIZE(pc));
}

void
fk_message(const char *fmt, ...)
{
	char buf[512];
	__va_list ap;
	size_t len;

	va_start(ap, fmt);
	len = fkh_vsnprintf(buf, sizeof (buf) - 1, fmt, ap);
	va_end(ap);
	len = MIN(len, sizeof (buf) - 2);
	buf[len++] = '\n';
	fkh_write_stderr(buf, len);
}

static void
fk_vpanic_begin(const char *fmt, __va_list ap)
{
	kthread_t *t = curthread;

	if (__atomic_exchange_n(&fk_panicking, 1, __ATOMIC_SEQ_CST) != 0) {
		if (FK_LOAD(&fk_panic_thread) == t)
			fkh_abort();
		/* Another thread panics already; do not spoil its output. */
		for (;;)
			(void) fkh_futex_wait(&fk_panicking, 1, 0);
	}
	FK_STORE(&fk_panic_thread, t);
	(void) fkh_vsnprintf(fk_panicbuf, sizeof (fk_panicbuf), fmt, ap);
	panicstr = fk_panicbuf;
	fk_message("panic[thread %s%s%s]: %s",
	    t == NULL ? "(not attached)" : t->t_name,
	    t != NULL && t->t_intr != 0 ? ", interrupt" : "",
	    t != NULL && t->t_softint != 0 ? ", timeout" : "", fk_panicbuf);
	fk_backtrace("stack");
	if (t != NULL)
		fk_held_print(t);
}

void
fk_panic_begin(const char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	fk_vpanic_begin(fmt, ap);
	va_end(ap);
}

void
fk_panic_end(void)
{
	fkh_abort();
}

void
vpanic(const char *fmt, __va_list ap)
{
	fk_vpanic_begin(fmt, ap);
	fk_panic_end();
}

void
panic(const char *fmt, ...)
{
	__va_list ap;

	va_start(ap, fmt);
	vpanic(fmt, ap);
}

void
assfail(const char *what, const char *file, int line)
{
	panic("assertion failed: %s, file: %s, line: %d", what, file, line);
}

void
assfail3(const char *what, uintmax_t left, const char *op, uintmax_t right,
    const char *file, int line)
{
	panic("assertion failed: %s (0x%lx %s 0x%lx), file: %s, line: %d",
	    what, left, op, right, file, line);
}
