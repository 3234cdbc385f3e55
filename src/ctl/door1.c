/* SPDX-License-Identifier: MIT
 *
 * Door 1: the control socket of a service, on libuv: connect, check who serves it, one line out,
 * one line back, all before the deadline. Whatever happens, the task hears of it once.
 */
#include "ctl/ask_int.h"
#include "ctl/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define HEDGE_LOOK_MS 50U    /* without an answer: look through door 2 */
#define HEDGE_CHANGE_MS 300U /* … change through it: an idle process does at once what its own thread is asked, so that has time */
#define AGAIN_MS 20 /* between attempts at a socket whose backlog is full, or which others crowd */

static void try_connect(struct hk_task *task);

static void again(uv_timer_t *timer)
{
	try_connect(timer->data);
}

/* Nobody has read the request: so there is another attempt, until the deadline. */
static void retry(struct hk_task *task)
{
	task->used = 0;
	task->sent = false;
	hk_task_close((uv_handle_t *) &task->pipe);
	uv_timer_start(&task->again, again, AGAIN_MS, 0);
}

/* Close everything; the callbacks of closed handles come with UV_ECANCELED and are ignored. */
static void shut(struct hk_task *task)
{
	task->door1_over = true;
	hk_task_close((uv_handle_t *) &task->pipe);
	hk_task_close((uv_handle_t *) &task->deadline);
	hk_task_close((uv_handle_t *) &task->again);
	hk_task_close((uv_handle_t *) &task->hedge);
}

static void too_late(uv_timer_t *timer)
{
	struct hk_task *task = timer->data;

	shut(task);
	hk_task_door1_failed(task, task->sent, "no answer from its control thread within %u ms",
	                     task->ask->timeout_ms);
}

/* The thread gets no processor, perhaps. It has been asked for nothing yet that changes anything. */
static void impatient(uv_timer_t *timer)
{
	struct hk_task *task = timer->data;

	shut(task);
	if (task->ask->changes)
		snprintf(task->answer->note, sizeof task->answer->note, "its control thread does not answer at once; taken: door 2");
	hk_task_take_door2(task);
}

static void send_line(struct hk_task *task);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct hk_task *task = handle->data;

	(void) suggested;
	*buf = uv_buf_init(task->text + task->used, (unsigned) (HK_REPLY_MAX - task->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct hk_task *task = stream->data;
	char *end;

	(void) buf;
	if (task->door1_over || n == 0)
		return;
	if (n == UV_ECONNRESET && task->used == 0) { /* how a Unix socket ends that has something unread */
		retry(task);
		return;
	}
	if (n < 0) {
		shut(task);
		if (task->used == HK_REPLY_MAX)
			hk_task_door1_failed(task, task->sent, "its reply is longer than %d bytes: refused", HK_REPLY_MAX);
		else
			hk_task_door1_failed(task, task->sent, "the connection ended before the reply (%s)",
			                     n == UV_EOF ? "did the process end?" : uv_strerror((int) n));
		return;
	}
	end = memchr(task->text + task->used, '\n', (size_t) n);
	task->used += (size_t) n;
	if (end == NULL)
		return;
	if (task->probing) {
		task->probing = false;
		task->used = 0;
		uv_timer_stop(&task->hedge);
		send_line(task);
		return;
	}
	shut(task);
	hk_task_reply(task, 1, task->text, (size_t) (end - task->text));
}

static void on_write(uv_write_t *write, int status)
{
	struct hk_task *task = write->data;

	if (task->door1_over || status == 0 || status == UV_ECANCELED)
		return;
	if (status == UV_EPIPE) {
		retry(task);
		return;
	}
	shut(task);
	hk_task_door1_failed(task, false, "the request could not be sent: %s", uv_strerror(status));
}

/* The server must be root or the owner of the socket file: in a directory that all may write to,
   anybody can put up a socket with a stranger's pid. And it must be of the service that is asked: any
   program can name a stranger's socket as its own. */
static bool server_is_trusted(struct hk_task *task, const char **ret_why)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	struct stat st;
	uv_os_fd_t fd;

	*ret_why = "the server of its socket cannot be identified";
	if (uv_fileno((uv_handle_t *) &task->pipe, &fd) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    stat(task->answer->service->socket, &st) < 0)
		return false;
	*ret_why = "its socket is served by a user who neither owns it nor is root: refused";
	if (peer.uid != 0 && peer.uid != st.st_uid)
		return false;
	*ret_why = "its socket is served by a process of another service: refused";
	return hk_service_owns(task->answer->service, peer.pid);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct hk_task *task = connect->data;
	const char *why;
	int r;

	if (task->door1_over)
		return;
	if (status == UV_EAGAIN) { /* full backlog */
		retry(task);
		return;
	}
	if (status < 0 || !server_is_trusted(task, &why)) {
		shut(task);
		hk_task_door1_failed(task, false, "%s",
		                     status == UV_EACCES || status == UV_EPERM
		                             ? "its control socket belongs to another user (needs root, its owner, or "
		                               "its control_group or control_read_group)"
		                     : status < 0 ? uv_strerror(status)
		                                  : why);
		return;
	}
	r = uv_read_start(connect->handle, on_alloc, on_read);
	if (r == 0) {
		send_line(task);
		return;
	}
	shut(task);
	hk_task_door1_failed(task, false, "the request could not be sent: %s", uv_strerror(r));
}

static void send_line(struct hk_task *task)
{
	static char probe[] = "version\n";
	char *line = task->probing ? probe : task->request;
	uv_buf_t buf = uv_buf_init(line, (unsigned) strlen(line));
	int r = uv_write(task->probing ? &task->probe : &task->write, (uv_stream_t *) &task->pipe, &buf, 1, on_write);

	task->sent = !task->probing;
	if (r == 0)
		return;
	shut(task);
	hk_task_door1_failed(task, false, "the request could not be sent: %s", uv_strerror(r));
}

static void try_connect(struct hk_task *task)
{
	uv_pipe_init(uv_default_loop(), &task->pipe, 0);
	task->pipe.data = task;
	task->users++;
	uv_pipe_connect(&task->connect, &task->pipe, task->answer->service->socket, on_connect);
}

void hk_door1_start(struct hk_task *task)
{
	size_t size = strlen(task->ask->line) + 2;
	const struct sockaddr_un *limit = NULL;

	task->request = malloc(size);
	task->text = malloc(HK_REPLY_MAX);
	if (task->request == NULL || task->text == NULL)
		hk_out_of_memory();
	if (strlen(task->answer->service->socket) >= sizeof limit->sun_path) {
		task->door1_over = true;
		hk_task_door1_failed(task, false, "its socket path is too long for this system");
		return;
	}
	memcpy(task->request, task->ask->line, size - 2);
	memcpy(task->request + size - 2, "\n", 2);
	uv_timer_init(uv_default_loop(), &task->deadline);
	uv_timer_init(uv_default_loop(), &task->again);
	uv_timer_init(uv_default_loop(), &task->hedge);
	task->deadline.data = task->again.data = task->hedge.data = task->connect.data = task->write.data = task->probe.data = task;
	task->users += 3;
	uv_timer_start(&task->deadline, too_late, task->ask->timeout_ms, 0);
	task->probing = task->ask->changes && hk_task_may_take_door2(task);
	if (hk_task_may_take_door2(task))
		uv_timer_start(&task->hedge, impatient,
		               hk_min(task->ask->changes ? HEDGE_CHANGE_MS : HEDGE_LOOK_MS, task->ask->timeout_ms / 2), 0);
	try_connect(task);
}
