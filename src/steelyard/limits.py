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
ARTIFACT_ROWS_SCANNED_MAX = 100_000  # versions or collections looked at for one filter
GATEWAY_PAGE_ITEMS_MAX = 5000  # the official client asks for up to 5,000 file names a page
KEY_PAGE_ITEMS_MAX = 500
LOG_PAGE_LINES_MAX = 2000
LOG_SEARCH_HITS_MAX = 10_000
HISTORY_PAGE_ROWS_MAX = 10_000
SAMPLED_ROWS_MAX = 100_000
HISTORY_SAMPLES_DEFAULT = 500
REGEX_CHARS_MAX = 1000

# Costs.
PRICES_MAX = 1000  # rows of the price table
PRICE_NAME_CHARS_MAX = 200
PRICE_USD_PER_HOUR_MAX = 100_000.0
GPUS_OF_RUN_MAX = 100_000
RUN_SECONDS_MAX = 10 * 365 * 86_400  # that are charged for one run
COSTS_EVERY_S = 5  # runs that have begun or ended are looked at
COSTS_STEP_S = 60  # costs of a run at work are written at most so often, later more seldom
COSTS_RUNS_MAX = 50  # runs in one transaction of that
COSTS_LATE_RUNS_MAX = 1000  # the latest runs, among which such are looked for that came late
COSTS_OWN_VALUES_MAX = 32  # of one run that are remembered, to tell them from the script's

# Sweeps.
SWEEP_ESTIMATE_RUNS_MAX = 50  # finished runs of a project that an estimate is made from
SWEEP_QUOTA_RUNS_MAX = 100_000  # that may be set for one entity
SWEEP_REPLICAS_MAX = 1000  # agents that a queue asks for at most, when nothing else limits them
SWEEP_CLAIM_S = 30  # an idle agent that asked so lately waits for a slot
SWEEPS_OF_AGENT_MAX = 100  # that one agent serves
SWEEP_CONFIG_CHARS_MAX = MIB  # of the text of a configuration
SWEEP_CONTROLLER_CHARS_MAX = 4 * MIB  # of what a local controller keeps with its sweep
SWEEP_AGENTS_MAX = 10_000  # that ever registered with one sweep
SWEEP_TRIALS_MAX = 100_000  # configurations of one sweep
SWEEP_COLUMNS_TRIALS_MAX = 2000  # trials in one answer of columns
SWEEP_ANALYSIS_TRIALS_MAX = 20_000  # ended trials that an analysis reads
SWEEP_ANALYSIS_RUNS_MAX = 2000  # of them that importance is computed from, spread over all
SWEEP_ANALYSES_KEPT_MAX = 64  # answers kept in memory until their sweeps go on
SWEEP_BRACKET_CURVES_MAX = 5000  # runs whose curves are read to show brackets
SWEEPS_COMPARED_MAX = 12  # on one page
SWEEP_PRIOR_RUNS_MAX = 1000
SWEEP_LEASE_S = 120  # an agent and its run that are silent this long have lost their trial
SWEEP_GONE_GRACE_S = 30  # a run that its agent no longer names has so long to be heard of again
SWEEP_LATE_END_S = 600  # a run that ended well, says its agent, has so long to say so itself
SWEEP_ATTEMPTS_MAX = 3  # runs of one configuration, when they are lost or preempted
SWEEP_ANSWER_S = 2  # an agent that asks again sooner has not had the answer to its first request
SWEEP_QUEUE_AWAY_S_MAX = 86_400  # an agent asks a queue that does not answer for so long
SWEEP_PREEMPT_GRACE_S = 20  # a run of an agent that has to go; Slurm kills after 30
SWEEP_BATCH_MAX = 64  # configurations drawn at once, for agents that ask together
SWEEP_SUGGESTION_TRIES_MAX = 20  # when another server, or an edit, was first
SWEEP_CARE_EVERY_S = 5  # trials of agents that have left are looked after
SWEEP_CARE_TRIALS_MAX = 500  # trials looked at in one step of that
SWEEPS_JUDGED_MAX = 200  # sweeps with early termination, looked at in one step
SWEEP_WEIGHTINGS_MAX = 100  # named ones of one sweep
SWEEP_PROBLEMS_KEPT_MAX = 256  # configurations kept parsed in memory
SWEEP_ROWS_SCANNED_MAX = 10_000  # sweeps looked at for one filter
SWEEP_DIRECTORY_TRIALS_MAX = 10_000  # configurations of a sweep without a server
SWEEP_DIRECTORY_CHECKPOINT_ENTRIES = 200  # entries of its log after which it is written as a whole
SWEEP_DIRECTORY_SKEW_S = 900  # clocks of machines that work for it differ by less than this
SWEEP_DIRECTORY_DRAWING_S = 60  # an agent waits so long while another one draws, then draws too
SWEEP_DIRECTORY_CURVE_VALUES_MAX = 100_000  # logged values of a run that its stopping looks at
SWEEP_IMPORT_LEASE_S = 7 * 86_400  # trials at work elsewhere are taken for lost after this
SWEEP_IMPORT_TRIALS_MAX = 500  # trials of a sweep without a server in one request

# Launchers of agents.
LAUNCH_TASKS_MAX = 10_000  # of one job; Slurm's own MaxArraySize is often 1001
LAUNCH_LOCAL_PARALLEL_MAX = 256  # agents at a time on one machine
LAUNCH_TERM_S = 30  # from SIGTERM to SIGKILL; as Slurm's KillWait usually is
LAUNCH_ANSWER_S = 120  # what a command of Slurm may take
LAUNCH_SCRIPT_BYTES_MAX = MIB  # of a file that may be replaced by a script
LAUNCH_MESSAGE_CHARS_MAX = 1000  # of what such a command says when it refuses

# Run lists.
FILTER_CONDITIONS_MAX = 1000
FILTER_DEPTH_MAX = 32
FILTER_LIST_ITEMS_MAX = 10_000
ORDER_FIELDS_MAX = 8
COLUMNS_PER_ROW_MAX = 200
KEY_RUNS_DEFAULT = 50  # newest runs whose keys are listed when none are named
RUN_INDEX_PROJECTS_MAX = 64  # projects whose run index is kept in memory
RUN_INDEX_COLUMNS_MAX = 64  # fields of one project kept in memory
RUN_INDEX_BYTES_MAX = 256 * MIB  # of all run indexes; the ones not used longest go first

# GraphQL documents (their variables may be as long as the body).
GRAPHQL_TOKENS_MAX = 20_000
GRAPHQL_ERRORS_MAX = 20
GRAPHQL_DOCUMENTS_KEPT_MAX = 1024
GRAPHQL_TEXT_CHARS_KEPT_MAX = 64 * 1024

# Charts.
CHART_SERIES_MAX = 1000  # runs in one panel
CHART_PANELS_MAX = 200  # panels in one request
CHART_BUCKETS_MIN = 96
CHART_PIXELS_MAX = 16_384
CHART_VALUES_MAX = 60_000  # series x buckets of one panel
CHART_EXACT_VALUES_MAX = 16_384  # up to here values travel as float64, above as 16-bit steps
CHART_POINTS_AT_ONCE = 500_000  # of several runs in hand while a panel is reduced, 16 bytes each
CHART_NONFINITE_MAX = 10_000  # places of NaN and infinities listed with one panel

# History storage.
SEAL_ROWS = 1024  # tail rows of a run that ask for a seal
SEAL_BYTES = 8 * MIB  # tail bytes (uncompressed) of a run that ask for a seal
UNUSED_BLOB_HOURS_KEPT = 24  # content that no file refers to, after it was last stored
UPLOAD_PARTS_MAX = 10_000  # of one content that is uploaded in parts, as S3 has it
UPLOAD_PART_BYTES_MAX = 5 * 1024 * MIB
STALE_UPLOAD_HOURS = 72  # an upload in parts that nobody sends to is removed after this
BLOCKING_CALLS_MAX = 64  # at once, of parsing, files and S3; those that wait for S3 are among them
S3_PART_BYTES = 8 * MIB  # a longer content goes to S3 in parts of this, or as few as S3 takes
S3_PARTS_AT_ONCE = 4
S3_PUTS_AT_ONCE = 16  # small contents of one batch
S3_GETS_AT_ONCE = 16  # likewise
S3_RETRIES_MAX = 4  # of one request
S3_RETRY_S_MAX = 20.0  # from a request's first try to its last
S3_CONNECT_S_MAX = 5.0
S3_SILENCE_S_MAX = 60.0  # of a request under way: a part must have gone through by then
S3_REQUEST_S_MAX = 6 * 3600.0  # one request with its body, and one download
SERVER_LOCKS_AT_ONCE = 24  # of one server, each a connection to PostgreSQL while it is held
S3_REDIRECT_FROM_BYTES = 8 * MIB  # smaller downloads always go through the server
S3_LINK_S = 900  # how long a presigned URL lets a download begin
TAIL_BYTES_MAX = 512 * MIB  # waiting in all tails: above it uploads are told to slow down
TAIL_ROW_BYTES_MAX = MIB  # uncompressed lines in one row of the tail, unless one line is longer
LINE_DEPTH_MAX = 200  # levels of lists and objects in one line; a deeper line is kept as text
WRITERS_PER_RUN_MAX = 4096  # processes that write into one stream of a run
TAIL_CACHE_BYTES = 48 * MIB  # parsed tails kept in memory, all runs together
KEY_TAIL_ROWS_MAX = 20_000  # unsealed rows looked through for a list of keys
SEAL_STALE_S = 300  # a tail nobody adds to is sealed after this
SEAL_JOB_BYTES = 8 * MIB  # uncompressed lines sealed in one go
SEAL_TIMEOUT_S = 120  # a sealing process that takes longer is replaced
COMPACT_ROWS = 16_384  # rows of a segment that is not merged with others any more
COMPACT_BYTES = 4 * MIB  # packed bytes of a segment that is not merged with others any more
COMPACT_SEGMENTS_MIN = 8  # small segments that are worth a merge
SERIES_POINTS_AT_ONCE = 4_000_000  # points of several runs unpacked together, 16 bytes each
PYRAMID_POINTS_MIN = 4_000_000  # raw points of a panel from which it is drawn from summaries
PYRAMID_CELLS_PER_BUCKET = 16  # … if each bucket still gets this many
SQL_LIST_ITEMS_MAX = 500  # values in one IN (…)
RETRY_AFTER_S = 5  # what an overloaded or unavailable server asks clients to wait

# Console output.
CONSOLE_BLOCK_LINES = 256
CONSOLE_GAP_LINES_MAX = 10_000_000  # empty lines a write may leave before it
CONSOLE_LINE_CHARS_SEARCHED = 4096  # a search looks at this much of a line
CONSOLE_REWRITABLE_LINES = 32  # that a process can go back to; the official client keeps as many
CONSOLE_LINE_CHARS_MAX = 65_536  # a longer line of a journal goes on in the next one
CONSOLE_SEARCH_S = 5.0  # a search that takes longer gives back what it found

# Runs.
HEARTBEAT_SILENCE_CRASHED_S = 300  # a running run that is silent this long is shown as crashed

# Artifacts.
ALIAS_CHARS_MAX = 256
ALIASES_PER_CALL_MAX = 1000
ARTIFACT_METADATA_BYTES_MAX = 4 * MIB  # JSON text
ARTIFACT_CLIENT_ID_CHARS_MAX = 256  # the official client sends 128
ARTIFACT_CONTENTS_PER_CALL_MAX = 2000  # files asked about at once; the official client's batch
ARTIFACT_PART_URLS_PER_CALL_MAX = 10_000  # in one answer; each takes 20 µs to make and encode
ARTIFACT_FILES_PER_PAGE_MAX = 5000
ARTIFACT_FILES_PER_PAGE_DEFAULT = 1000
ARTIFACT_PACK_BYTES_MAX = 16 * MIB  # many small files in one request
ARTIFACT_PART_BYTES = 64 * MIB  # of a file that is uploaded in parts
ARTIFACT_MULTIPART_FROM_BYTES = 256 * MIB  # smaller files go in one request
MANIFEST_BYTES_MAX = 1024 * MIB  # five million entries
MANIFEST_ENTRIES_MAX = 10_000_000
MANIFEST_PAGE_ENTRIES = 1000  # entries in one row
MANIFEST_PAGE_BYTES = MIB  # … unless they are longer than this together, before packing
MANIFEST_PAGES_PER_WRITE = 64  # rows inserted while others wait for the writer
MANIFEST_PAGES_PER_WRITE_BYTES = MIB // 2  # … unless they have more bytes together
MANIFEST_PAGES_PER_DELETE = 32  # rows deleted while others wait for it
CONTENTS_PER_WRITE = 500  # contents noted while others wait for the writer
MANIFESTS_PER_ARTIFACT_MAX = 10_000  # writers of one distributed artifact
ARTIFACT_TRASH_DAYS = 30  # deleted versions can be brought back for so long
ARTIFACT_DRAFT_HOURS = 72  # a draft that nobody touches for so long is given up
ARTIFACT_REFERENCE_DEPTH_MAX = 8  # references that lead to references of other versions
ARTIFACT_DIFF_PATHS_MAX = 1000  # named per kind of change
ARTIFACT_BISECT_VERSIONS_MAX = 100  # versions in a row on one page, with the causes of each
ARTIFACT_DEPENDENTS_NAMED_MAX = 50
VERSION_DIGESTS_KEPT_BYTES_MAX = 64 * MIB  # of versions read over a link; a million files are 16
PORTFOLIO_LINKS_SEARCHED_MAX = 1000  # for one content, the newest first
ARTIFACT_FREED_PAGES_MAX = 20_000  # manifest rows looked at to say what a deletion frees
SWEEP_CONTENTS_AT_ONCE = 200_000  # digests in memory while a collection is swept
LINEAGE_NODES_MAX = 1000
LINEAGE_NODES_DEFAULT = 300
LINEAGE_DEPTH_MAX = 20
LINEAGE_FAN_OUT_MAX = 8  # neighbours of one kind; more become a stack

# Tables, media and previews.
TABLE_SOURCE_BYTES_MAX = 2048 * MIB  # all files of what is shown as one table
TABLE_PARTS_MAX = 1000  # files of a partitioned table
TABLE_ROWS_MAX = 20_000_000
TABLE_COLUMNS_MAX = 10_000
TABLE_CELLS_MAX = 500_000_000
TABLE_ROW_BYTES_MAX = 64 * MIB  # one row of a file, as text
TABLE_BATCH_ROWS = 65_536  # rows of a file read together …
TABLE_BATCH_CELLS = 500_000  # … or cells …
TABLE_BATCH_CHARS = 32 * MIB  # … or characters
TABLE_CONVERTED_BYTES_MAX = 4096 * MIB  # one table in the form it is asked in
TABLE_CACHE_BYTES_MAX = 10 * 1024 * MIB  # of all tables in that form; those not used longest go
TABLE_WORKER_BYTES_MAX = 4096 * MIB  # memory of one process that reads or asks tables
TABLE_COLUMN_BYTES_KEPT = 1024 * MIB  # columns such a process keeps for the next question
TABLE_WORKERS_MAX = 2  # processes that ask tables
TABLE_WORKER_IDLE_S = 60.0  # such a process is ended when nobody asked for so long
TABLE_QUERY_S = 20.0  # one question, before its process is ended
TABLE_CONVERT_S = 600.0  # reading one table, likewise
TABLE_REFUSAL_S = 3600.0  # so long a file that is no table is not read again …
TABLE_REFUSALS_KEPT = 10_000  # … and so many of them are known
TABLE_WAIT_S = 30.0  # a request waits so long for a table to be read, or for a free process
TABLE_PAGE_ROWS_MAX = 500
TABLE_ANSWER_CELLS_MAX = 250_000  # cells of one page
TABLE_CELL_CHARS_DEFAULT = 10_000  # of a long text or document in a page; the rest on demand
TABLE_CELL_CHARS_MAX = 10_000_000
TABLE_GROUP_COLUMNS_MAX = 8
TABLE_AGGREGATES_MAX = 64
TABLE_FACET_ITEMS_MAX = 200
TABLE_SAVED_ROWS_MAX = 5_000_000  # of a filtered table kept as a new version
TABLE_SAVED_FILES_MAX = 20_000  # media files saved with it
TABLE_ORDERS_KEPT = 8  # found orders of rows that a process keeps for the next page
TABLE_ARRAY_BYTES_MAX = 1024 * MIB  # an ndarray column, unpacked
TABLE_ARRAY_CELL_VALUES_MAX = 4096  # of an ndarray cell shown in full
TABLE_CSV_PART_BYTES = 4 * MIB  # of a table sent as CSV, made and sent together
TABLE_CSV_QUERY_CHARS_MAX = 32_768  # its question, which is in an address
TABLE_CSV_TRIES = 5  # a part is asked for while all processes are busy with other tables
TABLE_HISTOGRAM_BINS = 20  # of a number column's summary
THUMBNAIL_PIXELS_MAX = 100_000_000  # of a picture that is made small
THUMBNAIL_SOURCE_BYTES_MAX = 128 * MIB
THUMBNAIL_CACHE_BYTES_MAX = 1024 * MIB
THUMBNAIL_S = 20.0  # making one, before its process is ended
PREVIEW_BYTES_MAX = 16 * MIB  # of the beginning of a file that is looked into
MEDIA_RUNS_MAX = 200  # runs of one media panel
MEDIA_KEYS_MAX = 500
MEDIA_STEPS_MAX = 10_000  # of one key in one answer
MEDIA_ITEMS_MAX = 1000  # of one key of one run at one step

# Sessions and signatures.
SESSION_DAYS = 30
LOGIN_TOKEN_MINUTES = 30
SIGNED_URL_HOURS = 24
CALLER_CACHE_S = 10  # how long a checked API key is trusted without asking the database
PASSWORD_CHARS_MIN = 8
LOGIN_FAILURES_PER_MINUTE_MAX = 10

# Live updates.
LIVE_POLL_S = 1.0  # between two looks at what changed in a project somebody watches
LIVE_PING_S = 15.0
LIVE_RUNS_MAX = 500  # changed runs named in one message

# Journals: what a training process writes, and how it travels.
JOURNAL_RECORD_BYTES_MAX = 32 * MIB  # one record: what one call to log() encodes to
JOURNAL_SEGMENT_BYTES = 64 * MIB  # from here on a writer goes on in a new file
JOURNAL_UPLOAD_BYTES = 4 * MIB  # one request, unless one record is longer
JOURNAL_BODY_BYTES_MAX = 64 * MIB
JOURNAL_WRITER_CHARS_MAX = 64
JOURNAL_FD_MIN = 500  # open journals have file numbers from here on
JOURNAL_WAITING_BYTES_MAX = 64 * MIB  # records kept in memory while the disk takes none

# The client.
NAME_WAIT_S = 5.0  # run.url and run.entity wait that long, once, for what the server calls the run
FINISH_TIMEOUT_S_MAX = 30 * 24 * 3600.0  # finish_timeout=0 means this long
RUN_FOLDER_NAMES_TRIED_MAX = 1000  # runs of one id started within one second in one directory
VALUE_DEPTH_MAX = 100  # levels of lists and dicts in one logged value
VALUE_TEXT_CHARS_IN_MESSAGES = 100  # of a refused value, quoted in the error
ARRAY_VALUES_LOGGED_MAX = 32  # elements of an array kept as numbers; a longer one is a histogram
ARRAY_BINS = 32  # of such a histogram
BIG_INT_BITS_MAX = 10_000  # longer integers of a config are kept in hexadecimal digits
HISTOGRAM_BINS_DEFAULT = 64
HISTOGRAM_BINS_MAX = 512
SUMMARY_KEYS_MAX = 100_000  # keys whose last value the training process itself remembers
METRIC_DEFINITIONS_MAX = 10_000  # calls of define_metric that a run remembers

# Media and tables, in the training process.
MEDIA_NAME_BYTES_MAX = 160  # of each part of a key that becomes part of a file's name
MEDIA_HASH_CHARS = 20  # of the SHA-256 in such a name
IMAGES_AT_ONCE_MAX = 108  # of one list that is logged; the official client keeps as many
IMAGE_SIDE_MAX = 65_500  # pixels; what a JPEG holds
IMAGE_HEADER_BYTES = MIB  # read of an image file to learn its size
VIDEO_FRAMES_MAX = 100_000  # of one array that becomes a video
TABLE_ROWS_IN_RUN_FILE_MAX = 10_000  # the whole table is in its artifact
TABLE_ROWS_LOGGED_MAX = 10_000_000  # of one table in an artifact
TABLE_ROWS_AT_ONCE = 2_000  # encoded together
TABLE_SHAPES_KEPT_MAX = 256  # kinds of rows that a table knows without looking closer
TABLE_EMBEDDING_VALUES_MAX = 150  # a longer array in a cell is kept in a file of numpy
CHART_POINTS_LOGGED_MAX = 10_000  # of a curve computed here; more are thinned out

# What a training process prints.
CONSOLE_BYTES_PER_RUN_MAX = 1024 * MIB  # kept of one process's output, as UTF-8
CONSOLE_RECORD_CHARS_MAX = MIB  # one piece of output; a longer print becomes several
CONSOLE_PARTIAL_CHARS_MAX = 8 * 1024  # of a line without its end, held back to be joined
CONSOLE_PARTIAL_S = 0.5  # … and for how long
CONSOLE_WRITES_AT_ONCE = 64  # what one print keeps at most on behalf of other threads
CONSOLE_DRAIN_S = 2.0  # how long the end of a run waits for redirected output still on its way
CONSOLE_BACKLOG_BYTES_MAX = 64 * MIB  # redirected output waiting for a busy training process

# The client.
CONFIG_FILE_BYTES_MAX = 4 * MIB  # a YAML file with the config of a run
YAML_DEPTH_MAX = 64  # levels of maps and lists in it
INIT_QUESTION_S_MAX = 10.0  # init() waits this long for the server, where it has to ask

# The sender process, and `steelyard sync`.
SENDER_RESTARTS_MAX = 5  # of one killed sender, by the process it works for
SENDER_STEADY_S = 60.0  # a sender that lived so long is started again as if it were the first
SENDER_LINE_BYTES_MAX = MIB  # one message between a process and its sender
SENDER_LINGER_S = 24 * 3600  # how long it outlives its process to reach a server that is away
SENDER_LOG_BYTES_MAX = MIB  # of one run folder
SENDER_RETRY_S_MAX = 60.0  # between two tries to reach a server
SENDER_HEARTBEAT_S = 30.0  # silence after which the server is told that the run lives
SENDER_FINISH_HELD_S = 10.0  # the end of a run waits this long for its files
RUN_FILES_MAX = 100_000  # files of one run
ARTIFACT_TRANSFERS_AT_ONCE = 4  # requests with contents of one artifact under way
ARTIFACT_CONTENTS_ASKED_AT_ONCE = 1000  # files of which the server is asked in one request
ARTIFACT_SMALL_FILE_BYTES_MAX = 64 * 1024  # up to it, files wait together in one file
ARTIFACT_PACKED_FILE_BYTES_MAX = 256 * 1024  # smaller files travel together
ARTIFACT_PACK_SENT_BYTES = 4 * MIB  # … in requests of about this size, each held in memory
ARTIFACT_ENTRY_CHARS_MAX = 16 * MIB  # one entry of a manifest, as JSON
ARTIFACT_COMMIT_S_MAX = 900.0  # the server reads ten million entries
ARTIFACT_REFERENCE_WAIT_S = 300.0  # for an artifact that another one refers to
ARTIFACT_SPOILED_TRIES_MAX = 3  # of a file that reaches the server as something else
ARTIFACT_WAIT_AWAY_S = 300.0  # how long wait() waits for a server that is away
ARTIFACT_RUN_WAIT_S = 30.0  # how long use_artifact() waits until the server knows the run
ARTIFACT_NICENESS = 10  # of the threads that send artifacts: training goes first
LEFTOVER_RUNS_AT_ONCE = 1000  # run folders of earlier processes looked at by one sender
LEFTOVER_DAYS_MAX = 30
JOURNAL_BYTES_KEPT_MAX = 10 * 1024 * MIB  # of sent journals below one root; the oldest go first
SYNC_RUNS_AT_ONCE = 8

# Files of a run, as the training process names them.
FILES_SAVED_AT_ONCE_MAX = 10_000  # by one call to save()
FILE_BYTES_COPIED_MAX = 16 * MIB  # a larger file saved "now" is linked instead of copied
CODE_FILES_MAX = 5000  # stored by one call to log_code()
CODE_FILE_BYTES_MAX = 4 * MIB  # a larger file is hardly code
CODE_BYTES_MAX = 64 * MIB  # all files of one call to log_code()
CODE_DIRECTORIES_MAX = 50_000  # looked into by one call to log_code()

# Artifacts, as a client makes and fetches them.
ARTIFACT_METADATA_KEYS_MAX = 100  # at the top level; wandb 0.31.0 has the same
ARTIFACT_REFERENCES_MAX = 10_000_000  # objects found behind one reference
ARTIFACT_THREADS_MAX = 8  # that hash, copy or transfer at once
ARTIFACT_ADD_TRIES_MAX = 3  # of a file that changes while it is added
ARTIFACT_TRANSFER_TRIES_MAX = 6  # of one file that breaks off without getting on
ARTIFACT_CACHE_BYTES_MAX = 20 * 1024 * MIB  # of the cache of a machine, unless a setting says more
ARTIFACT_CACHE_DISK_SHARE_MAX = 0.1  # … and this share of its disk
ARTIFACT_STAGING_DAYS = 7  # files of artifacts that were never logged, by a process that is gone
ARTIFACT_CHECKSUMS_KEPT_MAX = 1_000_000  # of files whose digest is remembered
ARTIFACT_JSON_BYTES_MAX = 256 * MIB  # a table or other object of an artifact, as JSON

# What is captured of a process and its machine.
CAPTURED_ARGUMENTS_MAX = 1000  # of a command line
CAPTURED_VARIABLE_CHARS_MAX = 4096  # of one environment variable or argument
CAPTURED_PACKAGES_MAX = 10_000
CAPTURED_FILE_BYTES_MAX = 4 * MIB  # a small file of git, /proc or /sys that is read whole
CAPTURED_SCRIPT_BYTES_MAX = 16 * MIB  # main script or notebook
DIFF_BYTES_MAX = 16 * MIB  # of diff.patch; changes beyond are named, not stored
DIFF_FILE_BYTES_MAX = MIB  # changes of one file in it
DIFF_BYTES_READ_MAX = 1024 * MIB  # of what git says, before it is stopped
UNTRACKED_FILES_NAMED_MAX = 200
UNTRACKED_BYTES_READ_MAX = 8 * MIB  # names of untracked files
GIT_COMMAND_S = 20.0  # one git command, before it is killed
JUPYTER_SERVERS_ASKED_MAX = 4
JUPYTER_ANSWER_S = 1.0
JUPYTER_ANSWER_BYTES_MAX = 4 * MIB
SAMPLED_PROCESSES_MAX = 4096  # of a process tree
SAMPLED_DISKS_MAX = 16
SAMPLED_GPUS_MAX = 64
OPEN_METRICS_ANSWER_S = 2.0  # one endpoint
OPEN_METRICS_BYTES_MAX = 8 * MIB
OPEN_METRICS_SERIES_MAX = 1000  # of all endpoints in one sample

# A run shown in a notebook.
WIDGET_JOURNAL_BYTES_MAX = 16 * MIB  # of the end of the journal, looked through for curves
WIDGET_CURVES_MAX = 24
WIDGET_POINTS_MAX = 200  # of one curve
WIDGET_VALUES_MAX = 200  # rows of the table of last values

# Searching.
SEARCH_SAMPLE_TRIES_MAX = 10_000  # configurations drawn in a row that break a constraint
SEARCH_LADDER_VALUES_MAX = 4096  # steps of one parameter that are listed; more count as continuous
SEARCH_MODEL_ROWS_MAX = 200  # results that a Gaussian process is fitted to
SEARCH_ENUMERATED_MAX = 100_000  # combinations of a finite space that are looked at one by one
SEARCH_LATTICE_STATES_MAX = 100_000  # cases that conditions between parameters make
SEARCH_REDRAWS_MAX = 1000  # random configurations in a row that were all tried before
SEARCH_GRID_POINTS_MAX = 10_000_000  # of a grid without a cap on its runs
SEARCH_GRID_SKIPPED_MAX = 100_000  # points in a row that break a constraint
SWEEP_PARAMETERS_MAX = 1000
SWEEP_DIAGNOSTICS_MAX = 200  # errors and warnings of one configuration
SWEEP_CONFIG_NODES_MAX = 200_000  # keys and values in it

# Expressions of sweeps: constraints and composite metrics.
EXPRESSION_CHARS_MAX = 4000
EXPRESSION_DEPTH_MAX = 32  # levels of brackets, calls, signs and powers
EXPRESSION_NAMES_MAX = 64  # different metrics and parameters in one
EXPRESSION_NAMES_COMPARED_MAX = 1000  # looked through for one that is spelt alike
