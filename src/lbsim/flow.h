/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/flow.h - the lb plugin's table of sticky flows (pure; src/plugins/lb/lbhash.h).
 *
 * A flow's hash picks a bucket of four entries; an entry remembers which AS a flow of a VIP went
 * to, until nothing has come for it for `timeout` seconds. There is no chaining: the fifth live
 * flow of a bucket is not remembered. Entries that have expired stay until another flow takes their
 * place.
 *
 * VIPs and ASes are pool indices; AS 0 is the placeholder "no server". Times are VPP's uptime in
 * seconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FLOW_BUCKET_ENTRIES 4
#define FLOW_BUCKETS_MAX    (1u << 24) /* as many as maglevd lets one configure: 1 GiB */
#define FLOW_ANY_AS         UINT32_MAX

struct flow_table;

/* An empty table. `buckets`: a power of two, 1..FLOW_BUCKETS_MAX (asserted). Heap; only what is
 * used takes memory. */
struct flow_table *flow_table_new(uint32_t buckets);
void flow_table_free(struct flow_table *t); /* NULL is fine */

struct flow_key {
	uint32_t hash, vip;
};

struct flow_found {
	uint32_t as;   /* where the flow goes; 0: it is not there, or has no server */
	int free_slot; /* where flow_put may put it: an expired entry of its bucket; -1: none */
};

/* Look a flow up; one that is there lives `timeout` seconds longer, one without a server too. */
struct flow_found flow_get(struct flow_table *t, struct flow_key k, uint32_t now, uint32_t timeout);
/* Remember a flow in the slot that flow_get found. Returns the AS that the slot named before. */
uint32_t flow_put(struct flow_table *t, struct flow_key k, int slot, uint32_t as, uint32_t expires);
/* Forget which AS these flows went to: of the VIP, and of one AS or FLOW_ANY_AS. Their slots stay
 * taken until they expire. Returns how many there were, expired ones too. */
uint32_t flow_flush(struct flow_table *t, uint32_t vip, uint32_t as);
/* How many entries have not expired. */
uint32_t flow_used(const struct flow_table *t, uint32_t now);
