/* SPDX-License-Identifier: BSD-3-Clause */
#include "http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct status {
	unsigned int code;
	const char *text;
};

static const struct status statuses[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{414, "URI Too Long"},
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"},
		{505, "HTTP Version Not Supported"},
};

const char *
http_status_text(unsigned int code)
{
	for (unsigned int i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].code == code)
			return statuses[i].text;
	return "Error";
}

void
http_reset(struct http_request *request)
{
	memset(request, 0, offsetof(struct http_request, line));
}

static void
http_fail(struct http_request *request, uint16_t status)
{
	request->state = HTTP_FAILED;
	request->status = status;
	request->close = true;
}

/* Digits only, no overflow. */
static bool
number_parse(const char *text, uint64_t *value)
{
	uint64_t number = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(number, UINT64_C(10), &number) ||
				__builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return false;
	}
	*value = number;
	return true;
}

/* ------------------------------------------------------------------ lines */

/*
 * Collect a line up to LF; what does not fit is left out. CRLF and a bare LF end it (RFC 9112 section 2.2).
 * @return bytes taken; *whole: the line is complete and stands without its end and with a NUL
 */
static size_t
line_take(struct http_request *request, const uint8_t *data, size_t len, bool *whole)
{
	const uint8_t *end = memchr(data, '\n', len);
	size_t n = end != NULL ? (size_t)(end - data) : len;
	size_t room = HTTP_LINE_MAX - 1 - request->line_len;

	request->cut |= n > room;
	if (n > room)
		n = room;
	memcpy(request->line + request->line_len, data, n);
	request->line_len = (uint16_t)(request->line_len + n);
	*whole = end != NULL;
	if (end == NULL)
		return len;
	if (!request->cut && request->line_len != 0 && request->line[request->line_len - 1] == '\r')
		request->line_len--;
	request->line[request->line_len] = '\0';
	return (size_t)(end - data) + 1;
}

/* The line was dealt with: the next one follows. */
static void
line_done(struct http_request *request)
{
	request->line_len = 0;
	request->cut = false;
}

/* "close, TE": is @p token one of the list? */
static bool
list_has(const char *list, const char *token)
{
	size_t len = strlen(token);

	while (*list != '\0') {
		size_t n;

		list += strspn(list, " \t,");
		n = strcspn(list, " \t,");
		if (n == len && strncasecmp(list, token, len) == 0)
			return true;
		list += n;
	}
	return false;
}

static void
length_take(struct http_request *request, const char *value)
{
	uint64_t length;

	if (!number_parse(value, &length) || (request->length && length != request->body_left)) {
		http_fail(request, 400); /* RFC 9112 section 6.3: unrecoverable */
		return;
	}
	request->length = true;
	request->body_left = length;
}

/* One header line, without its end. */
static void
header_take(struct http_request *request)
{
	char *value = strchr(request->line, ':');
	size_t name_len, len;

	if (value == NULL || value == request->line ||
			strcspn(request->line, " \t") < (size_t)(value - request->line)) {
		http_fail(request, 400); /* no colon, no name, blanks in it, or obsolete folding */
		return;
	}
	name_len = (size_t)(value - request->line);
	value++;
	value += strspn(value, " \t");
	len = strlen(value);
	while (len != 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		value[--len] = '\0';
	if (name_len == 4 && strncasecmp(request->line, "Host", 4) == 0) {
		if (request->host)
			http_fail(request, 400);
		request->host = true;
	} else if (name_len == 10 && strncasecmp(request->line, "Connection", 10) == 0) {
		request->close |= list_has(value, "close");
		request->keep |= list_has(value, "keep-alive");
	} else if (name_len == 14 && strncasecmp(request->line, "Content-Length", 14) == 0) {
		length_take(request, value);
	} else if (name_len == 17 && strncasecmp(request->line, "Transfer-Encoding", 17) == 0) {
		request->chunked = true;
	} else if (name_len == 6 && strncasecmp(request->line, "Server", 6) == 0) {
		request->ours = strncmp(value, "polltcp", 7) == 0;
	}
}

/* ------------------------------------------------------------------ requests */

static uint16_t
method_take(struct http_request *request, const char *method)
{
	static const char *const known[] = {
			"POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

	if (strcmp(method, "GET") == 0)
		return 200;
	if (strcmp(method, "HEAD") == 0) {
		request->head = true;
		return 200;
	}
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(method, known[i]) == 0)
			return 405;
	return 501;
}

/* "/", "/N" and the same with a query or as an absolute URI. */
static uint16_t
target_take(struct http_request *request, char *target)
{
	if (strncasecmp(target, "http://", 7) == 0) {
		target = strchr(target + 7, '/');
		if (target == NULL) {
			request->target = HTTP_TARGET_ROOT;
			return 200;
		}
	}
	if (target[0] != '/')
		return 400;
	target[strcspn(target, "?#")] = '\0';
	if (target[1] == '\0') {
		request->target = HTTP_TARGET_ROOT;
		return 200;
	}
	if (!number_parse(target + 1, &request->target) || request->target == HTTP_TARGET_ROOT)
		return 404;
	return 200;
}

/* "HTTP/1.1". @return false: not a version at all */
static bool
version_take(struct http_request *request, const char *version, uint16_t *status)
{
	if (strncmp(version, "HTTP/", 5) != 0 || version[5] < '0' || version[5] > '9' ||
			version[6] != '.' || version[7] < '0' || version[7] > '9' ||
			version[8] != '\0')
		return false;
	if (version[5] != '1')
		*status = 505;
	request->v11 = version[5] == '1' && version[7] != '0';
	return true;
}

static void
request_line_take(struct http_request *request)
{
	char *rest = request->line, *method, *target, *version;
	uint16_t status = 200, wrong;

	if (request->cut) {
		http_fail(request, 414);
		return;
	}
	method = strsep(&rest, " ");
	target = strsep(&rest, " ");
	version = strsep(&rest, " ");
	if (version == NULL || rest != NULL || method[0] == '\0' ||
			!version_take(request, version, &status)) {
		http_fail(request, 400);
		return;
	}
	if (status != 200) {
		http_fail(request, status);
		return;
	}
	status = method_take(request, method);
	wrong = target_take(request, target);
	request->status = status != 200 ? status : wrong;
	request->state = HTTP_HEADERS;
}

/* The empty line behind the headers. */
static void
request_headers_end(struct http_request *request)
{
	if (request->v11 && !request->host)
		http_fail(request, 400); /* RFC 9112 section 3.2 */
	else if (request->chunked)
		http_fail(request, 501); /* no use for bodies here, and no way to skip this one */
	else
		request->state = request->body_left != 0 ? HTTP_BODY : HTTP_DONE;
}

static void
request_line(struct http_request *request)
{
	bool empty = request->line_len == 0;

	if (strlen(request->line) != request->line_len) {
		http_fail(request, 400); /* a NUL */
	} else if (request->state == HTTP_START) {
		if (!empty) /* RFC 9112 section 2.2: empty lines in front are ignored */
			request_line_take(request);
	} else if (empty) {
		request_headers_end(request);
	} else {
		header_take(request);
	}
	line_done(request);
}

size_t
http_request_take(struct http_request *request, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	while (taken < len && request->state < HTTP_DONE) {
		size_t n = len - taken;
		bool whole;

		if (request->state == HTTP_BODY) {
			n = request->body_left < n ? (size_t)request->body_left : n;
			request->body_left -= n;
			taken += n;
			if (request->body_left == 0)
				request->state = HTTP_DONE;
			continue;
		}
		n = line_take(request, data + taken, n, &whole);
		taken += n;
		request->header_len += (uint32_t)n;
		if (request->header_len > HTTP_HEADERS_MAX)
			http_fail(request, request->state == HTTP_START ? 414 : 431);
		else if (whole)
			request_line(request);
	}
	return taken;
}

bool
http_keeps(const struct http_request *request)
{
	if (request->state == HTTP_FAILED || request->close)
		return false;
	return request->v11 || request->keep;
}

/* ------------------------------------------------------------------ responses */

static void
response_line(struct http_request *response)
{
	const char *line = response->line;
	bool empty = line[0] == '\0';

	line_done(response);
	if (response->state == HTTP_HEADERS) {
		if (!empty) {
			header_take(response);
		} else if (response->status < 200) {
			http_reset(response); /* 100 Continue: the real one follows */
		} else {
			response->state = response->chunked ? HTTP_FAILED : HTTP_BODY;
			if (!response->length)
				response->body_left = UINT64_MAX;
		}
		return;
	}
	response->v11 = strncmp(line, "HTTP/1.1 ", 9) == 0;
	if ((!response->v11 && strncmp(line, "HTTP/1.0 ", 9) != 0) || strlen(line) < 12 ||
			line[9] < '1' || line[9] > '5' || line[10] < '0' || line[10] > '9' ||
			line[11] < '0' || line[11] > '9') {
		response->state = HTTP_FAILED;
		return;
	}
	response->status =
			(uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
	response->state = HTTP_HEADERS;
}

size_t
http_response_take(struct http_request *response, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	while (taken < len && response->state < HTTP_BODY) {
		bool whole;
		size_t n = line_take(response, data + taken, len - taken, &whole);

		taken += n;
		response->header_len += (uint32_t)n;
		if (response->header_len > HTTP_HEADERS_MAX)
			response->state = HTTP_FAILED;
		else if (whole)
			response_line(response);
	}
	return taken;
}

const char *
http_date_get(struct http_date *date, uint64_t now_us)
{
	struct tm tm;
	time_t now;

	if (date->made_us != 0 && now_us - date->made_us < 1000000)
		return date->text;
	now = time(NULL);
	gmtime_r(&now, &tm);
	strftime(date->text, sizeof(date->text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	date->made_us = now_us != 0 ? now_us : 1;
	return date->text;
}

size_t
http_head_write(const struct http_request *request, uint64_t body, bool close, const char *date,
		char *out, size_t size)
{
	int len = snprintf(out, size,
			"HTTP/1.1 %u %s\r\n"
			"Date: %s\r\n"
			"Server: polltcp\r\n"
			"%s"
			"Content-Type: text/plain\r\n"
			"Content-Length: %llu\r\n"
			"Connection: %s\r\n"
			"\r\n",
			request->status, http_status_text(request->status), date,
			request->status == 405 ? "Allow: GET, HEAD\r\n" : "",
			(unsigned long long)body, close ? "close" : "keep-alive");

	return len < 0 || (size_t)len >= size ? 0 : (size_t)len;
}
