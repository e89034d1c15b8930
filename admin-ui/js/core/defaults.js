// Owns what the server has by itself where nothing is said of a mount: the
// defaults of openapi.yaml, by JSON Pointer.

/** @typedef {'regular' | 'transparent'} Kind */

/** @type {Record<string, unknown>} */
export const DEFAULTS = {
  '/match/path': '/',
  '/enabled': true,
  '/force_scheme': 'http',
  '/strip_prefix': true,
  '/host_header': 'upstream',
  '/disallowed_status': 405,
  '/limits/concurrent_requests_max': 256,
  '/limits/queue_max': 0,
  '/limits/queue_wait_ms_max': 0,
  '/limits/requests_per_s_max': null,
  '/limits/tunnels_max': 256,
  '/limits/request_body_bytes_max': null,
  '/limits/client_bytes_per_s_min': 500,
  '/timeouts/connect_ms': 2000,
  '/timeouts/first_byte_ms': 30_000,
  '/timeouts/idle_ms': 30_000,
  '/timeouts/tunnel_idle_ms': 3_600_000,
  '/timeouts/total_ms': null,
  '/rewrite/location': false,
  '/rewrite/cookies': false,
  '/rewrite/body': [],
  '/forwarded/via': 'on',
  '/forwarded/via_response': 'off',
  '/traceparent': 'keep',
  '/identity/basic/realm': 'standin',
  '/identity/sign/expires_s': 30,
  '/identity/sign/tag': 'standin',
  '/tls/min_version': '1.2',
  '/tls/insecure_skip_verify': false,
  '/lease/on_expiry': 'delete',
};

/** Those that depend on the kind. @type {Record<string, Record<Kind, unknown>>} */
export const BY_KIND = {
  '/forwarded/x_forwarded_for': { regular: 'overwrite', transparent: 'keep' },
  '/forwarded/x_forwarded_host': { regular: 'overwrite', transparent: 'pass' },
  '/forwarded/x_forwarded_proto': { regular: 'overwrite', transparent: 'pass' },
  '/forwarded/x_forwarded_port': { regular: 'off', transparent: 'pass' },
  '/forwarded/x_forwarded_prefix': { regular: 'overwrite', transparent: 'pass' },
  '/forwarded/forwarded': { regular: 'off', transparent: 'pass' },
};

/** What counts where the member is not there; undefined is nothing. @param {string} pointer @param {Kind} kind */
export const usual = (pointer, kind) => BY_KIND[pointer]?.[kind] ?? DEFAULTS[pointer];
