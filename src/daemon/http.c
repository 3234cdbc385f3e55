/* SPDX-License-Identifier: MIT
 *
 * /metrics and /healthz, by libmicrohttpd on libuv's loop: its epoll descriptor is watched, its timeout is a timer.
 * Whoever sends nothing, half a request, or a long one, is cut off: after IDLE_S of silence, after WHOLE_MS without a
 * whole request however busy he is, beyond MEMORY bytes of request line and headers. A request for the metrics is
 * suspended until they are collected; all who wait get the same text, and it serves again for FRESH_MS.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define CONNECTIONS 512
#define MEMORY 8192 /* of one connection */
#define IDLE_S 10
#define WHOLE_MS 20000
#define FRESH_MS 500
#define SWEEP_MS 1000
#define HEALTHY_MS 15000 /* so old may the last round of looks be */
#define BACKLOG 128

struct client {
	struct client *next;
	struct MHD_Connection *connection;
	int fd;
	uint64_t since_ms; /* when it connected, or its last request was answered */
	bool suspended;
};

static struct {
	struct MHD_Daemon *daemon;
	char listen[HK_LISTEN_MAX];
	struct client *clients;
	struct MHD_Response *metrics; /* the last text; NULL: none yet, or it could not be made, … */
	uint64_t metrics_ms;          /* … at this moment; 0: none yet */
	bool stopping;                /* nobody may be suspended any more */
	uv_poll_t *poll; /* made anew for each listener: a closed handle is in use for one more turn of the loop */
	uv_timer_t timer, sweep;
	bool initialised;
} http;

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, const char *text)
{
	struct MHD_Response *response =
	        MHD_create_response_from_buffer(strlen(text), (void *) (uintptr_t) text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result r = MHD_NO;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result answer_health(struct MHD_Connection *connection)
{
	uint64_t age = hk_processes_age_ms();
	char text[160];

	if (age <= HEALTHY_MS)
		snprintf(text, sizeof text, "ok\nservices %u\n", hk_roster()->n);
	else
		snprintf(text, sizeof text, "no look at the processes of this host for %u s\n", (unsigned) (age / 1000));
	return answer(connection, age <= HEALTHY_MS ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
	              "text/plain; charset=utf-8", text);
}

static struct client *client_of(struct MHD_Connection *connection)
{
	struct client *c = http.clients;

	while (c != NULL && c->connection != connection)
		c = c->next;
	return c;
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection)
{
	struct client *client = client_of(connection);
	bool fresh = http.metrics_ms != 0 && uv_now(uv_default_loop()) - http.metrics_ms <= FRESH_MS;

	if (fresh && http.metrics != NULL)
		return MHD_queue_response(connection, MHD_HTTP_OK, http.metrics);
	if (fresh || http.stopping)
		return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", "no metrics at this moment\n");
	if (client == NULL)
		return MHD_NO;
	client->suspended = true;
	MHD_suspend_connection(connection);
	hk_metrics_wanted();
	return MHD_YES;
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
	static char headers_read;

	(void) data, (void) version, (void) upload;
	/* What is answered before its body was read is answered for the last time on its connection. */
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", "only GET and HEAD\n");
	if (*state == NULL || *upload_size > 0) {
		*state = &headers_read;
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/metrics") == 0)
		return answer_metrics(connection);
	if (strcmp(url, "/healthz") == 0)
		return answer_health(connection);
	if (strcmp(url, "/") == 0)
		return answer(connection, MHD_HTTP_OK, "text/html",
		              "<!doctype html><title>hakmemd</title><a href=\"/metrics\">metrics</a> "
		              "<a href=\"/healthz\">healthz</a>\n");
	return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", "not found: /metrics and /healthz are here\n");
}

/* ---- connections ---- */

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client *client = *context;

	(void) data;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		client = calloc(1, sizeof *client);
		if (client == NULL || info == NULL) {
			free(client);
			return; /* MHD's own timeout remains */
		}
		client->connection = connection;
		client->fd = info->connect_fd;
		client->since_ms = uv_now(uv_default_loop());
		client->next = http.clients;
		http.clients = client;
		*context = client;
	} else if (client != NULL) {
		for (struct client **at = &http.clients; *at != NULL; at = &(*at)->next)
			if (*at == client) {
				*at = client->next;
				break;
			}
		free(client);
		*context = NULL;
	}
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
	struct client *client = client_of(connection);

	(void) data, (void) state, (void) code;
	if (client != NULL)
		client->since_ms = uv_now(uv_default_loop());
}

/* Whoever feeds us a header a byte at a time is never silent. */
static void on_sweep(uv_timer_t *timer)
{
	(void) timer;
	for (struct client *c = http.clients; c != NULL; c = c->next)
		if (!c->suspended && uv_now(uv_default_loop()) - c->since_ms > WHOLE_MS)
			shutdown(c->fd, SHUT_RDWR); /* MHD sees the end and closes it */
}

/* ---- the loop ---- */

static void run(void);

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void) poll, (void) status, (void) events;
	run();
}

static void on_timer(uv_timer_t *timer)
{
	(void) timer;
	run();
}

static void run(void)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (http.daemon == NULL)
		return;
	MHD_run(http.daemon);
	if (MHD_get_timeout(http.daemon, &ms) == MHD_YES)
		uv_timer_start(&http.timer, on_timer, ms, 0);
	else
		uv_timer_stop(&http.timer);
}

static void resume_all(void)
{
	for (struct client *c = http.clients; c != NULL; c = c->next)
		if (c->suspended) {
			c->suspended = false;
			MHD_resume_connection(c->connection);
		}
	run();
}

void hk_http_metrics(char *text, size_t size)
{
	if (http.metrics != NULL)
		MHD_destroy_response(http.metrics);
	http.metrics = NULL;
	if (text != NULL)
		http.metrics = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (http.metrics != NULL)
		MHD_add_response_header(http.metrics, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
	http.metrics_ms = uv_now(uv_default_loop());
	resume_all();
}

/* ---- listening ---- */

static bool is_stale(const struct sockaddr_storage *address, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = fd >= 0 && connect(fd, (const struct sockaddr *) address, size) != 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

static int bind_to(int fd, const struct sockaddr_storage *address, socklen_t size)
{
	const struct sockaddr *any = (const struct sockaddr *) address;
	const char *path = ((const struct sockaddr_un *) address)->sun_path;
	int one = 1;

	if (address->ss_family != AF_UNIX) {
		(void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (address->ss_family == AF_INET6)
			(void) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
		return bind(fd, any, size);
	}
	if (bind(fd, any, size) != 0) {
		if (errno != EADDRINUSE || !is_stale(address, size) || unlink(path) != 0 || bind(fd, any, size) != 0)
			return -1;
	}
	return chmod(path, 0666); /* as open as a port; the folder may be closed */
}

/* A listening socket, or −errno. */
static int open_listener(const char *text, char *why, size_t why_size)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd;

	if (hk_settings_address(text, &address, &size, why, why_size) != 0)
		return -EINVAL;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind_to(fd, &address, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	snprintf(why, why_size, "metrics_listen = %s: %s", text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -EIO;
}

static struct MHD_Daemon *start_daemon(int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, NULL, MHD_OPTION_LISTEN_SOCKET,
	                        (MHD_socket) fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS,
	                        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
	                        (unsigned) IDLE_S, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
	                        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void hk_http_stop(void)
{
	if (http.daemon == NULL)
		return;
	uv_close((uv_handle_t *) http.poll, free_handle);
	uv_timer_stop(&http.timer);
	uv_timer_stop(&http.sweep);
	http.stopping = true;
	resume_all();
	http.stopping = false;
	MHD_stop_daemon(http.daemon);
	http.daemon = NULL;
	if (http.listen[0] == '/')
		unlink(http.listen);
	http.listen[0] = '\0';
}

static bool start_on(int fd, const char *listen_to)
{
	const union MHD_DaemonInfo *info;

	if (!http.initialised) {
		uv_timer_init(uv_default_loop(), &http.timer);
		uv_timer_init(uv_default_loop(), &http.sweep);
		http.initialised = true;
	}
	http.daemon = start_daemon(fd);
	info = http.daemon != NULL ? MHD_get_daemon_info(http.daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	http.poll = calloc(1, sizeof *http.poll);
	if (info == NULL || http.poll == NULL || uv_poll_init(uv_default_loop(), http.poll, info->epoll_fd) != 0) {
		hk_log(HK_LOG_ERROR, "metrics_listen = %s: the HTTP server does not start", listen_to);
		if (http.daemon != NULL)
			MHD_stop_daemon(http.daemon);
		else
			close(fd);
		http.daemon = NULL;
		free(http.poll);
		return false;
	}
	snprintf(http.listen, sizeof http.listen, "%s", listen_to);
	uv_poll_start(http.poll, UV_READABLE, on_ready);
	uv_timer_start(&http.sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	run();
	return true;
}

const char *hk_http_listens(void)
{
	return http.listen;
}

bool hk_http_configure(const char *listen_to)
{
	char why[HK_DIAG_MAX];
	int fd;

	if (strcmp(listen_to, http.listen) == 0)
		return true;
	if (listen_to[0] == '\0') {
		hk_http_stop();
		hk_log(HK_LOG_INFO, "metrics are no longer served");
		return true;
	}
	fd = open_listener(listen_to, why, sizeof why);
	if (fd < 0) {
		hk_log(HK_LOG_ERROR, "%s", why);
		return false;
	}
	hk_http_stop();
	if (!start_on(fd, listen_to))
		return false;
	hk_log(HK_LOG_INFO, "metrics are served on %s", listen_to);
	return true;
}
