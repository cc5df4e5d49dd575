/* talk NAME tcp|udp serve|ask ADDRESS PORT [SOURCE]
 *
 * One end of flows in a guest: says "tick" each second to whoever it speaks with, and prints what it hears as
 * "NAME hears WORD".  A server of streams speaks with all who come; who asks tries again until it is answered.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *name;
static struct sockaddr_storage peer;
static socklen_t known;

static long now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void tell(char *heard) {
    char line[256], *rest;
    for (char *word = strtok_r(heard, "\n", &rest); word; word = strtok_r(0, "\n", &rest)) {
        int size = snprintf(line, sizeof line, "%s hears %s\n", name, word);
        if (write(1, line, size) < 0)
            return;
    }
}

/* Speaks and hears until a stream ends; a datagram's sender is whom it speaks with from then on. */
static void converse(int end, int stream) {
    char heard[1024];
    long next = now();
    for (;;) {
        long left = next - now();
        struct pollfd ready = {end, POLLIN, 0};
        if (left <= 0) {
            if (known)
                sendto(end, "tick\n", 5, MSG_NOSIGNAL, stream ? 0 : (void *)&peer, stream ? 0 : known);
            next += 1000;
            continue;
        }
        if (poll(&ready, 1, left) <= 0)
            continue;
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t count = recvfrom(end, heard, sizeof heard - 1, 0, (void *)&from, &size);
        if (count <= 0 && stream)
            return;
        if (count <= 0)
            continue;
        if (!stream) {
            peer = from;
            known = size;
        }
        heard[count] = 0;
        tell(heard);
    }
}

static struct addrinfo *find(const char *address, const char *port, int stream) {
    struct addrinfo wish = {.ai_socktype = stream ? SOCK_STREAM : SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *found;
    return getaddrinfo(address, port, &wish, &found) ? 0 : found;
}

static void serve(int end, int stream) {
    if (!stream)
        converse(end, stream);
    listen(end, 8);
    for (;;) {
        int came = accept(end, 0, 0);
        if (came >= 0 && !fork()) {
            known = 1;
            converse(came, stream);
            _exit(0);
        }
        close(came);
    }
}

int main(int count, char **words) {
    int on = 1, stream = count > 2 && !strcmp(words[2], "tcp"), serving = count > 3 && !strcmp(words[3], "serve");
    struct addrinfo *there = count > 5 ? find(words[4], words[5], stream) : 0;
    struct addrinfo *here = count > 6 ? find(words[6], 0, stream) : serving ? there : 0;
    if (!there || (count > 6 && !here))
        return 2;
    name = words[1];
    signal(SIGCHLD, SIG_IGN);
    for (;; sleep(1)) {
        int end = socket(there->ai_family, there->ai_socktype, 0);
        setsockopt(end, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (here && bind(end, here->ai_addr, here->ai_addrlen)) {
            close(end);
            continue;
        }
        if (stream)
            setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (serving)
            serve(end, stream);
        memcpy(&peer, there->ai_addr, there->ai_addrlen);
        known = there->ai_addrlen;
        if (!stream || !connect(end, there->ai_addr, there->ai_addrlen))
            converse(end, stream);
        close(end);
    }
}
