/* SPDX-License-Identifier: Apache-2.0 */
/* vpp/wire.h - bytes of VPP's binary API: frames, and messages described by tables (pure).
 *
 * A frame is a 16-byte header {u64 queue, u32 payload length, u32} and a payload (VPP
 * src/vlibmemory/socket_api.c, struct msgbuf_). A payload is a u16 message id, a u32 client index
 * where the message is a request, a u32 context, then the fields: big-endian, no padding.
 *
 * Each message is one table of fields against a C struct, and the three functions that walk such a
 * table - encode, decode, dump for the log - serve requests, replies and details, client and
 * simulator alike. Nothing here knows a message by name: see vpp/messages.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

/* ---- frames */
#define WIRE_FRAME_HDR 16
/* The largest payload taken or sent: VPP's own message table is 60 KB, the text of
 * `show lb vips verbose` with 10,000 VIPs a few MB; more than this is garbage. */
#define WIRE_FRAME_MAX (16u << 20)

/* Write the frame header for a payload of `len` bytes. */
void wire_frame_put(uint8_t hdr[static WIRE_FRAME_HDR], uint32_t len);
/* Payload length of the frame that starts at `p`. 0; -EAGAIN when fewer than WIRE_FRAME_HDR bytes
 * are there; -EMSGSIZE with *ret_len set when it is over WIRE_FRAME_MAX. */
int wire_frame_get(const uint8_t *p, size_t n, uint32_t *ret_len);

/* ---- C types of fields that are not plain integers */
struct wire_bytes { /* u32 length, bytes; borrowed, not NUL-terminated */
	const char *p;
	uint32_t n;
};
struct wire_rows { /* a count, then rows of a fixed size, taken as they are; borrowed */
	const uint8_t *p;
	uint32_t n; /* rows */
};

/* ---- message descriptions */
enum wire_kind {
	WIRE_U8,     /* uint8_t */
	WIRE_U16,    /* uint16_t */
	WIRE_U32,    /* uint32_t */
	WIRE_I32,    /* int32_t */
	WIRE_BOOL,   /* bool; a byte, any value but 0 is true */
	WIRE_ADDR,   /* struct addr: u8 family (0 IPv4, 1 IPv6), 16 bytes */
	WIRE_PREFIX, /* struct prefix: an address, u8 length (any: see vpp/messages.h) */
	WIRE_VSTR,   /* struct wire_bytes: u32 length, bytes */
	WIRE_IP4,    /* struct addr: four bytes */
	WIRE_IP6,    /* struct addr: 16 bytes */
	WIRE_STR,    /* char[size + 1], always terminated: `size` bytes, NUL-padded */
	WIRE_ROWS8,  /* struct wire_rows: u8 count, rows of `size` bytes */
	WIRE_ROWS16, /* the same with a u16 count */
	WIRE_KIND_N
};

struct wire_field {
	const char *name; /* as in VPP's .api file */
	enum wire_kind kind;
	uint16_t size;   /* WIRE_STR, WIRE_ROWS*; 0 for the others */
	uint16_t offset; /* in the C struct */
};

enum wire_shape {
	WIRE_REQUEST, /* id, client index, context */
	WIRE_REPLY,   /* id, context */
};

struct wire_msg {
	const char *name; /* without the CRC */
	const char *crc;  /* eight hexadecimal digits */
	enum wire_shape shape;
	const struct wire_field *fields; /* at most WIRE_FIELDS_MAX */
	size_t n_fields;
	size_t size; /* of the C struct */
};

#define WIRE_FIELDS_MAX 16

/* Table rows. The kind follows from the member's C type, so that the two cannot drift apart. */
#define WIRE_KIND_OF(X)                                                                            \
	_Generic((X), uint8_t                                                                      \
		 : WIRE_U8, uint16_t                                                               \
		 : WIRE_U16, uint32_t                                                              \
		 : WIRE_U32, int32_t                                                               \
		 : WIRE_I32, bool                                                                  \
		 : WIRE_BOOL, struct addr                                                          \
		 : WIRE_ADDR, struct prefix                                                        \
		 : WIRE_PREFIX, struct wire_bytes                                                  \
		 : WIRE_VSTR)
#define WIRE_F(S, M)                                                                               \
	{                                                                                          \
		.name = #M, .kind = WIRE_KIND_OF(((struct S *)0)->M),                              \
		.offset = offsetof(struct S, M)                                                    \
	}
#define WIRE_F_AS(S, M, KIND, SIZE)                                                                \
	{                                                                                          \
		.name = #M, .kind = (KIND), .size = (SIZE), .offset = offsetof(struct S, M)        \
	}

/* What stands in front of the fields. client_index is 0 for WIRE_REPLY. */
struct wire_hdr {
	uint16_t id;
	uint32_t client_index;
	uint32_t context;
};

/* Append one whole frame: header, message header, fields of `body` (a struct of m->size bytes).
 * Strings longer than their field are cut. The payload must stay within WIRE_FRAME_MAX (asserted):
 * what is sent is of our making. */
void wire_encode(const struct wire_msg *m, const struct wire_hdr *h, const void *body,
		 struct str *out);

/* The message id that opens a payload, to find its description by. 0, or -EPROTO with `e` when
 * there are not even two bytes. */
int wire_id(const uint8_t *payload, size_t n, uint16_t *ret_id, struct err *e);

/* Take a payload apart into *ret_hdr and `ret_body` (m->size bytes). Borrowed fields point into
 * `payload`. Bytes after the last field are ignored. 0, or -EPROTO with `e` saying which field is
 * short or malformed (an address family other than 0 and 1); then the outputs are undefined. */
int wire_decode(const struct wire_msg *m, const uint8_t *payload, size_t n,
		struct wire_hdr *ret_hdr, void *ret_body, struct err *e);

/* ---- the fields as log attributes */
#define WIRE_DUMP_TEXT_MAX 512 /* of one counted string; a longer one is cut and ends in "..." */
struct wire_dump {
	struct log_attr a[WIRE_FIELDS_MAX];
	size_t n;
	struct str text; /* holds what the attributes point at */
};
/* One attribute per field, in order, under the field's name. `body` must outlive the dump, which
 * must be {0} or an earlier one (reused). */
void wire_dump(const struct wire_msg *m, const void *body, struct wire_dump *ret);
void wire_dump_done(struct wire_dump *d);
