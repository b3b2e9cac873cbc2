/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a simulator that runs on the test's own loop: a call waits by turning the loop. */
#pragma once

#include "base/str.h"
#include "lbsim/server.h"
#include "vpp/messages.h"

/* ---- the simulator: one per test, at a fresh path */
struct sim {
	struct loop *loop;
	struct server *server;
	char dir[64], path[96];
	struct server_options opt; /* change before sim_start */
	const char *death;         /* why it died; set by its hook */
};
void sim_init(struct sim *s);
void sim_start(struct sim *s); /* asserts that it starts */
void sim_stop(struct sim *s);
void sim_done(struct sim *s);

/* ---- a client */
struct simclient {
	struct sim *sim;
	int fd;
	uint32_t index, context;
	struct vpp_ids ids;
	struct str in;    /* bytes read */
	struct str frame; /* the payload returned last */
};
void simclient_connect(struct simclient *c, struct sim *s); /* no handshake */
void simclient_open(struct simclient *c, struct sim *s);    /* with it */
void simclient_close(struct simclient *c);
void simclient_write(struct simclient *c, const void *p, size_t n); /* all of it */
/* Send a request with this client index; returns its context. */
uint32_t simclient_send_as(struct simclient *c, uint32_t index, enum vpp_msg m, const void *body);
uint32_t simclient_send(struct simclient *c, enum vpp_msg m, const void *body);
/* The next payload, NULL when the connection ended. Fails the test after a long time. */
const uint8_t *simclient_recv(struct simclient *c, size_t *ret_n);
/* The next payload decoded; the test fails when it is another message. */
void simclient_expect(struct simclient *c, enum vpp_msg m, struct wire_hdr *ret_hdr,
		      union vpp_body *ret);
/* Request and answer; the answer's retval. */
int32_t simclient_call(struct simclient *c, enum vpp_msg m, const void *body, union vpp_body *ret);
/* Is there nothing to read, now that the loop has nothing left to do? */
bool simclient_quiet(struct simclient *c);
bool simclient_ended(struct simclient *c); /* waits for the end; false when data comes first */

/* ---- bodies */
struct vpp_lb_add_del_vip vip_body(const char *prefix, uint8_t protocol, uint16_t port);
struct vpp_lb_add_del_as as_body(const char *prefix, uint8_t protocol, uint16_t port,
				 const char *as, uint8_t weight);
struct prefix prefix_of(const char *s);
