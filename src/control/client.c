/* SPDX-License-Identifier: MIT
 *
 * Connections of door 1: request lines in, one JSON line out for each. Nothing a client does makes the thread
 * wait: reads and writes do not block, what the socket does not take is kept in the client's buffer, and
 * while something is kept no further request of it is looked at. Runs in the control thread only.
 */
#include "control/door.h"

#include "base/sys.h"
#include "control/process.h"
#include "core/stats.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HK_IDLE_NS 60000000000U   /* a client that asks nothing for so long is dropped */
#define HK_ACK_WAIT_MS 20         /* for other processes to apply a change: waits of 1, 2, 4 … ms, none longer; 31 ms in all */
#define HK_PUBLISH_TRIES 4

#define HK_SHARE 128               /* clients get one part in so many of a processor's time, in the long run … */
#define HK_AT_ONCE_NS 50000000     /* … and so much at once after a quiet time: a reload, a trim */
#define HK_DEBT_MAX_NS (1000000000 / HK_SHARE) /* paid back within a second, whatever was asked */

/* ---- what clients cost ---- */

static uint64_t thread_cpu_ns(void)
{
	struct timespec t = {0};

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_nsec;
}

static void charge(struct hk_door *door);

void hk_clients_pardon(struct hk_door *door)
{
	door->purse.cpu_ns = thread_cpu_ns();
}

/* What is left by now. Waking up for clients is theirs, too; but while nobody is served, waking up to find that it is too
   early yet must not make it later. */
static void open_purse(struct hk_door *door)
{
	struct hk_purse *purse = &door->purse;
	uint64_t now = hk_sys_precise_ns();
	int64_t more = (int64_t) hk_min((now - purse->at_ns) / HK_SHARE, 2 * (size_t) HK_AT_ONCE_NS);
	bool rested = hk_clients_resting(door);

	purse->left_ns = purse->left_ns + more > HK_AT_ONCE_NS ? HK_AT_ONCE_NS : purse->left_ns + more;
	purse->at_ns = now;
	if (rested)
		hk_clients_pardon(door);
	else
		charge(door);
}

static void charge(struct hk_door *door)
{
	struct hk_purse *purse = &door->purse;
	uint64_t cpu = thread_cpu_ns();

	purse->left_ns -= (int64_t) (cpu - purse->cpu_ns);
	if (purse->left_ns < -HK_DEBT_MAX_NS)
		purse->left_ns = -HK_DEBT_MAX_NS;
	purse->cpu_ns = cpu;
}

bool hk_clients_resting(const struct hk_door *door)
{
	return door->purse.left_ns < 0;
}

int hk_clients_due(struct hk_door *door)
{
	open_purse(door);
	if (hk_clients_resting(door))
		return (int) (-door->purse.left_ns * HK_SHARE / 1000000) + 1;
	for (unsigned i = 0; i < HK_CLIENTS; i++)
		if (door->client[i].fd != 0 && door->client[i].more && door->client[i].out_used == 0)
			return 0;
	return -1;
}

/* ---- requests ---- */

static void sleep_ms(long ms)
{
	struct timespec time = {.tv_nsec = ms * 1000000};

	(void) nanosleep(&time, NULL);
}

/* Apply here at once, and give the others a moment: those that allocate notice on their own. */
static void settle(struct hk_door *door, const struct hk_request *request)
{
	unsigned applied, processes;

	for (int ms = 1; ms <= HK_ACK_WAIT_MS; ms *= 2) { /* each look is at all processes */
		hk_pulse_visit(true);
		hk_verb_applied(request, &applied, &processes);
		if (applied >= processes)
			break;
		sleep_ms(ms);
	}
	hk_verb_complete(request, &door->values, door->reply, HK_REPLY_MAX);
}

static bool is_verb(const char *line, const char *verb)
{
	return strncasecmp(line + strspn(line, " \t"), verb, strlen(verb)) == 0;
}

static bool is_reload(const char *line)
{
	return is_verb(line, "reload");
}

/* Keep the messages of a reload that failed, for status. */
static void remember(struct hk_door *door, const struct hk_peer *peer, const char *line)
{
	struct hk_block *block = door->block;

	if (!peer->may_change || !is_reload(line) || door->values.diags.errors == 0)
		return;
	(void) atomic_exchange(&block->reload_failed_seq, 0); /* nobody is to read while it changes */
	block->reload_diags = door->values.diags;
	atomic_store_explicit(&block->reload_failed_seq, door->values.reload_seq + 1, memory_order_release);
}

int hk_clients_run(struct hk_door *door, const struct hk_peer *peer, const char *line)
{
	const struct hk_request request = {
		.block = door->block,
		.identity = &hk_self.founder.identity,
		.env = &hk_self.founder.env,
		.files = &door->watch.files,
		.root = "",
		.peer_uid = peer->uid,
		.peer_pid = peer->pid,
		.may_change = peer->may_change};
	unsigned reads = door->watch.files.reads;
	bool changed;
	int r;

	hk_stats_publish();
	memset(&door->values.diags, 0, sizeof(door->values.diags)); /* of the request before */
	if (!peer->may_change)
		;
	else if (is_reload(line) || is_verb(line, "set"))
		hk_watch_before(door);
	for (int i = 0; i < HK_PUBLISH_TRIES; i++) {
		r = hk_verb_run(&request, line, &door->values, &changed, door->reply, HK_REPLY_MAX);
		if (r != 0)
			remember(door, peer, line);
		if (r != 0 && door->watch.files.reads != reads)
			door->watch.files = door->watch.old_files; /* what holds came from these */
		if (r != 0 || !changed)
			return r;
		if (hk_block_publish(door->block, &door->values) == 0) {
			if (door->watch.files.reads != reads)
				hk_watch_after(door);
			settle(door, &request);
			if (!hk_verb_overwritten(door->block, &door->values))
				return 0;
		}
	}
	(void) snprintf(door->reply, HK_REPLY_MAX,
	                "{\"ok\":false,\"error\":\"other operators keep changing the configuration: try again\"}");
	return -EAGAIN;
}

/* ---- output ---- */

static void drop(struct hk_client *client)
{
	(void) close(client->fd);
	client->fd = 0;
}

/* Send n bytes; keep what the socket does not take. */
static void send_or_keep(struct hk_client *client, const char *text, size_t n)
{
	ssize_t sent = send(client->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		drop(client);
		return;
	}
	sent = sent < 0 ? 0 : sent;
	if ((size_t) sent == n)
		return;
	client->out_sent = 0;
	client->out_used = n - (size_t) sent;
	memcpy(client->out, text + sent, client->out_used);
}

static void reply(struct hk_door *door, struct hk_client *client)
{
	size_t n = strlen(door->reply);

	door->reply[n] = '\n';
	send_or_keep(client, door->reply, n + 1);
	door->reply[n] = '\0';
}

static void reply_error(struct hk_door *door, struct hk_client *client, const char *text)
{
	(void) snprintf(door->reply, HK_REPLY_MAX, "{\"ok\":false,\"error\":\"%s\"}", text);
	client->closing = true;
	reply(door, client);
}

static void flush(struct hk_client *client)
{
	ssize_t sent = send(client->fd, client->out + client->out_sent, client->out_used - client->out_sent,
	                    MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		drop(client);
		return;
	}
	client->out_sent += sent > 0 ? (size_t) sent : 0;
	if (client->out_sent == client->out_used)
		client->out_sent = client->out_used = 0;
}

/* ---- input ---- */

/* Carry out the whole lines that have arrived, while replies get away. */
static void run_lines(struct hk_door *door, struct hk_client *client)
{
	char *start = client->in, *end;

	client->more = false;
	while (client->fd != 0 && client->out_used == 0 && !client->closing &&
	       (end = memchr(start, '\n', client->used - (size_t) (start - client->in))) != NULL) {
		if (memchr(start, '\0', (size_t) (end - start)) != NULL) {
			reply_error(door, client, "the request contains a NUL byte");
			return;
		}
		*end = '\0';
		client->last_ns = hk_sys_now_ns();
		(void) hk_clients_run(door, &client->peer, start);
		start = end + 1;
		reply(door, client);
		charge(door);
		client->more = hk_clients_resting(door);
		if (client->more)
			break;
	}
	client->used -= (size_t) (start - client->in);
	memmove(client->in, start, client->used);
	if (client->used == sizeof(client->in) && client->out_used == 0)
		reply_error(door, client, "the request is longer than 4095 bytes");
}

static void receive(struct hk_door *door, struct hk_client *client)
{
	ssize_t n = recv(client->fd, client->in + client->used, sizeof(client->in) - client->used, MSG_DONTWAIT);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			drop(client);
		return;
	}
	if (n == 0) {
		/* Half a request is never carried out: "set x=1" may be the head of "set x=10". */
		if (client->used > 0)
			reply_error(door, client, "the request does not end with a newline");
		client->closing = true;
		return;
	}
	client->used += (size_t) n;
	run_lines(door, client);
}

static void serve(struct hk_door *door, struct hk_client *client, short events)
{
	if (client->out_used > 0) {
		if ((events & (POLLERR | POLLHUP | POLLNVAL)) != 0)
			drop(client);
		else
			flush(client);
		if (client->fd != 0 && client->out_used == 0)
			run_lines(door, client);
	} else if (client->more) {
		run_lines(door, client);
	} else {
		receive(door, client);
	}
	if (client->fd != 0 && client->closing && !client->more && client->out_used == 0)
		drop(client);
}

void hk_clients_serve(struct hk_door *door, const struct pollfd *fds, struct hk_client **clients, unsigned n)
{
	for (unsigned i = 0; i < n && !hk_clients_resting(door); i++) {
		unsigned at = (door->first + i) % n;

		if (fds[at].revents == 0 && !(clients[at]->more && clients[at]->out_used == 0))
			continue;
		serve(door, clients[at], fds[at].revents);
		charge(door);
	}
	door->first++; /* when it does not reach round, somebody else comes first next time */
}

/* ---- the table ---- */

static struct hk_client *make_room(struct hk_door *door)
{
	struct hk_client *oldest = &door->client[0];

	for (unsigned i = 0; i < HK_CLIENTS; i++) {
		if (door->client[i].fd == 0)
			return &door->client[i];
		if (door->client[i].last_ns < oldest->last_ns)
			oldest = &door->client[i];
	}
	drop(oldest);
	return oldest;
}

static const char refusal[] =
        "{\"ok\":false,\"error\":\"you are neither root nor the owner of this service nor in its control_group or control_read_group\"}\n";

void hk_clients_accept(struct hk_door *door)
{
	int fd = accept4(door->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct hk_client *client;
	struct hk_peer peer;

	if (fd < 0)
		return;
	if (!hk_socket_permits(door, fd, &peer)) { /* takes nobody's place */
		(void) send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void) close(fd);
	} else {
		client = make_room(door);
		client->fd = fd;
		client->peer = peer;
		client->closing = client->more = false;
		client->used = client->out_used = client->out_sent = 0;
		client->last_ns = hk_sys_now_ns();
	}
	charge(door);
}

void hk_clients_expire(struct hk_door *door)
{
	uint64_t now = hk_sys_now_ns();

	for (unsigned i = 0; i < HK_CLIENTS; i++)
		if (door->client[i].fd != 0 && now - door->client[i].last_ns > HK_IDLE_NS)
			drop(&door->client[i]);
}

unsigned hk_clients_poll(struct hk_door *door, struct pollfd *ret, struct hk_client **ret_clients)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HK_CLIENTS && !hk_clients_resting(door); i++) {
		struct hk_client *client = &door->client[i];

		if (client->fd == 0)
			continue;
		ret[n] = (struct pollfd){.fd = client->fd, .events = client->out_used > 0 ? POLLOUT : POLLIN};
		ret_clients[n++] = client;
	}
	return n;
}
