/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file http.h
 * HTTP/1.0 and 1.1 (RFC 9110, RFC 9112), both ends: an incremental parser of requests and of response headers that takes
 * bytes as they come, and the writer of response headers. No I/O.
 */
#ifndef APP_HTTP_H
#define APP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LINE_MAX                                                                              \
	256 /**< of a line, what is kept, NUL included; a longer request line is refused */
#define HTTP_HEADERS_MAX 8192 /**< bytes of all header lines */
#define HTTP_HEAD_MAX    256  /**< a response header of ours */

/** Where a message stands. */
enum http_state {
	HTTP_START,   /**< in front of the first line, or in it */
	HTTP_HEADERS, /**< in the header lines */
	HTTP_BODY,    /**< in a body of known length */
	HTTP_DONE,    /**< complete */
	HTTP_FAILED,  /**< `status` says why; the connection can't go on */
};

/** One message being parsed: a request, or a response's header. All zero: the first. */
struct http_request {
	enum http_state state;
	uint16_t status;   /**< of a response; of a request: the answer it gets */
	uint16_t line_len; /**< what is kept of the line */
	bool cut;          /**< the line was longer than what is kept */
	uint32_t header_len;
	uint64_t body_left; /**< body bytes to come */
	uint64_t target;    /**< bytes asked for by "/N"; HTTP_TARGET_ROOT for "/" */
	bool head;          /**< HEAD */
	bool v11;           /**< HTTP/1.1 */
	bool host;          /**< Host: was there */
	bool close;         /**< Connection: close */
	bool keep;          /**< Connection: keep-alive */
	bool length;        /**< Content-Length: was there */
	bool chunked;       /**< Transfer-Encoding: was there */
	bool ours;          /**< Server: polltcp */
	char line[HTTP_LINE_MAX];
	char out[HTTP_HEAD_MAX]; /**< the answer's header, for whoever sends it piecemeal */
};

#define HTTP_TARGET_ROOT UINT64_MAX

/** Forget the message and wait for the next. */
void http_reset(struct http_request *request);

/**
 * Take bytes of a request until it is complete or wrong: state becomes HTTP_DONE or HTTP_FAILED, and status is the answer's.
 * @return bytes taken, at most @p len
 */
size_t http_request_take(struct http_request *request, const uint8_t *data, size_t len);

/**
 * Take bytes of a response's header: state becomes HTTP_BODY (body_left bytes follow, perhaps 0; UINT64_MAX: until the
 * connection ends) or HTTP_FAILED.
 * @return bytes taken; the body is not touched
 */
size_t http_response_take(struct http_request *response, const uint8_t *data, size_t len);

/** May the connection stay after this request, as far as the client says? */
bool http_keeps(const struct http_request *request);

/** The Date: field, made once a second. */
struct http_date {
	uint64_t made_us; /**< ptcp_now_us() when it was made; 0: never */
	char text[32];
};

/** The date of now; @p now_us is any clock of microseconds. */
const char *http_date_get(struct http_date *date, uint64_t now_us);

/**
 * Write a response's header for @p request.
 * @param body   Content-Length
 * @param close  the connection ends after it
 * @return its length
 */
size_t http_head_write(const struct http_request *request, uint64_t body, bool close,
		const char *date, char *out, size_t size);

/** "Not Found". */
const char *http_status_text(unsigned int status);

#endif
