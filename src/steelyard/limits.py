"""Every limit of the server and the client, with its unit in the name. Nothing else defines one."""

MIB = 1024 * 1024

# Request bodies. The official client sends file-stream bodies a little over 10 MiB and, in
# `wandb verify`, a GraphQL body of 10,000,419 bytes.
GRAPHQL_BODY_BYTES_MAX = 64 * MIB
FILE_STREAM_BODY_BYTES_MAX = 64 * MIB
JSON_BODY_BYTES_MAX = 4 * MIB
UPLOAD_BYTES_MAX = 5 * 1024 * 1024 * MIB  # one run file: 5 TiB, the largest object S3 takes

# Names.
NAME_CHARS_MAX = 128  # entity, project, run, user, key
FILE_PATH_BYTES_MAX = 4096
DISPLAY_NAME_CHARS_MAX = 512
NOTES_CHARS_MAX = 1_000_000
TAG_CHARS_MAX = 256
TAGS_PER_RUN_MAX = 1000
API_KEY_SECRET_CHARS_MIN = 40  # the official client refuses shorter ones before it asks us

# Pages.
PAGE_ITEMS_DEFAULT = 50
PAGE_ITEMS_MAX = 200
GATEWAY_PAGE_ITEMS_MAX = 5000  # the official client asks for up to 5,000 file names a page
KEY_PAGE_ITEMS_MAX = 500
LOG_PAGE_LINES_MAX = 2000
LOG_SEARCH_HITS_MAX = 10_000
HISTORY_PAGE_ROWS_MAX = 10_000
SAMPLED_ROWS_MAX = 100_000
REGEX_CHARS_MAX = 1000

# Charts.
CHART_SERIES_MAX = 1000  # runs in one panel
CHART_PANELS_MAX = 200  # panels in one request
CHART_BUCKETS_MIN = 96
CHART_VALUES_MAX = 60_000  # series x buckets of one panel
CHART_EXACT_VALUES_MAX = 16_384  # up to here values travel as float64, above as 16-bit steps

# History storage.
SEAL_ROWS = 1024  # tail rows of a run that ask for a seal
SEAL_BYTES = 2 * MIB  # tail bytes (uncompressed) of a run that ask for a seal
TAIL_BYTES_MAX = 512 * MIB  # waiting in all tails: above it uploads are told to slow down
RETRY_AFTER_S = 5  # what an overloaded or unavailable server asks clients to wait

# Runs.
HEARTBEAT_SILENCE_CRASHED_S = 300  # a running run that is silent this long is shown as crashed

# Sessions and signatures.
SESSION_DAYS = 30
LOGIN_TOKEN_MINUTES = 30
SIGNED_URL_HOURS = 24
CALLER_CACHE_S = 10  # how long a checked API key is trusted without asking the database
PASSWORD_CHARS_MIN = 8
LOGIN_FAILURES_PER_MINUTE_MAX = 10
