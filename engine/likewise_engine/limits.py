"""Every limit of the system, in one place.

Whatever can grow has a bound here, with the reason for its value; the code that meets the outside
checks against these names and never against a literal. Relations between limits are checked when
this module is imported, so a careless edit fails at start and not in production.
"""

from typing import Final

# --- One transaction -------------------------------------------------------------------------
TRANSACTION_ID_CHARS_MAX: Final = 128
"""Long enough for a UUID, an ISO 20022 end-to-end id, or a composite of both."""
PAYEE_CHARS_MAX: Final = 512
DESCRIPTION_CHARS_MAX: Final = 2_048
"""SEPA remittance information has 140 characters, a MT940 :86: block 390; free text has more."""
ACCOUNT_CHARS_MAX: Final = 128
FIELDS_MAX: Final = 32
FIELD_NAME_CHARS_MAX: Final = 64
FIELD_VALUE_CHARS_MAX: Final = 1_024
AMOUNT_DIGITS_MAX: Final = 15
"""Significant digits. IEEE 754 binary64 carries any 15 digits there and back (DBL_DIG), so columns
of float64 hold amounts without loss."""
AMOUNT_DECIMALS_MAX: Final = 9
"""google.type.Money counts in nanos."""
AMOUNT_UNITS_MAX: Final = 10**12
"""A trillion units: beyond it an amount is a mistake, even in rupiah."""
YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2200

# --- Labels and charts -----------------------------------------------------------------------
DIMENSION_CHARS_MAX: Final = 64
DIMENSIONS_MAX: Final = 16
"""Dimensions a tenant can have: category, tax code, cost centre, project and a dozen more."""
CATEGORY_ID_CHARS_MAX: Final = 128
CATEGORY_NAME_CHARS_MAX: Final = 256
CATEGORY_DESCRIPTION_CHARS_MAX: Final = 2_048
CATEGORY_FORMER_IDS_MAX: Final = 16
"""Ids from before its renames that a category is still known by; an application that sends one of an earlier
chart lags years behind."""
CATEGORIES_MAX: Final = 10_000
"""Categories a tenant can have over all its dimensions."""

# --- Tenants ---------------------------------------------------------------------------------
TENANT_ID_BYTES_MAX: Final = 80
"""As UTF-8. A tenant's folder is its id percent-encoded, three bytes for one, and file systems
allow 255."""
TENANT_LABELS_MAX: Final = 2_000_000
"""Twice the largest tenant that the system is designed for."""
SEQ_MAX: Final = 2**32 - 1
"""Writings of a tenant's entries, ever: memory counts them in 32 bits. A thousand times its labels, twice."""

# --- Keys ------------------------------------------------------------------------------------
MASTER_KEY_FILE_BYTES_MAX: Final = 4_096
"""One master key has 65, two while they are rotated: what is longer is some other file."""

# --- Text and vectors ------------------------------------------------------------------------
TEXT_CHARS_MAX: Final = 320
"""A text (normalised wording) is cut here: what comes later names nothing, and costs encoding time."""
COUNTERPARTY_TEXTS_MAX: Final = 3
"""Texts that an identifier brings to a question besides the nearest: with 64 entries each, they leave room
for others among the 256 that are looked at."""
VECTOR_DIMENSIONS_MAX: Final = 1_024
ENCODER_TOKENS_MAX: Final = 512
"""Tokens of one text. More than TEXT_CHARS_MAX: a token has at least one character, save the special ones."""
ENCODER_CHARS_PER_RUN_MAX: Final = 8_192
"""Texts times their longest, in one run of a static model: 24,576 n-grams of 64 float32, some 6 MiB. Longer
runs leave the processor's cache and are slower."""
ENCODER_MANIFEST_BYTES_MAX: Final = 64 * 1024
ENCODER_FILE_BYTES_MAX: Final = 2**31 - 1
"""Protobuf, and so an ONNX file, ends there."""

# --- Cards of models -------------------------------------------------------------------------
CARD_BYTES_MAX: Final = 512 * 1024
"""A card's record, and the card: some tables. It goes into one message."""
CARD_LINE_CHARS_MAX: Final = 256
CARD_PROSE_CHARS_MAX: Final = 32_768
"""Of one part of a card: several pages."""
CARD_ABOUT_CHARS_MAX: Final = 16_384
"""Of what whoever trains a model says of its data: half of the room that a part of the card has."""

COMPARISON_BYTES_MAX: Final = 4 * 1024 * 1024
"""What came of comparing some dozen encoders."""

# --- The vote --------------------------------------------------------------------------------
VOTE_MANIFEST_BYTES_MAX: Final = 256 * 1024
VOTE_FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Ten times what a vote that answers in time can have: its cost is that of its trees."""
POOLED_BINS_MAX: Final = 1_000
"""Bins of pooled outcomes: more than any calibration can use, and few enough for a manifest."""

# --- The head ---------------------------------------------------------------------------------
HEAD_LABELS_MAX: Final = 10_000
"""Latest labels of one dimension that a head is trained on, some .02 ms each in the background."""
HEAD_CELL_UPDATES_MAX: Final = 1 << 32
"""Cells that the training of one head updates: labels times passes times categories times features of a
transaction. Some 4 s, and ten times what 10,000 labels of 60 categories take. Without it, 3,000 labels of as
many categories and the longest texts would take ten times that."""

# --- Calibration -----------------------------------------------------------------------------
OUTCOMES_KEPT_MAX: Final = 1_000
"""Latest outcomes of one dimension that calibrate a tenant. On real books 700 to 3,000 do equally well."""
OUTCOMES_REPLAYED_MAX: Final = 500
"""Latest labels of one dimension that are asked about once more after an import: less than a second of
processor time in the background, heads as of then included."""
OUTCOMES_PER_LESSON_MAX: Final = 64
"""Labels in one Learn that are asked about before they are learned, some .7 ms each. More are replayed in the
background, as an import is."""

# --- Rules -----------------------------------------------------------------------------------
RULES_MAX: Final = 1_000
"""Rules of a tenant. Who keeps them by hand has dozens; a question is held against a thousand in .05 ms."""
RULE_ID_CHARS_MAX: Final = 128
RULE_NAME_CHARS_MAX: Final = 256
RULE_PRIORITY_MAX: Final = 1_000_000
RULE_CONDITIONS_MAX: Final = 16
RULE_VALUES_MAX: Final = 100
"""Of one condition."""
RULE_VALUE_CHARS_MAX: Final = 512
"""Of one value, a pattern too: as long as a payee can be."""
RULES_CHARS_MAX: Final = 500_000
"""Of all values of a tenant's rules together: five hundred of each of a thousand rules."""
RULE_PATTERN_BYTES_MAX: Final = 256 * 1024
"""Of one regular expression, compiled. ``\\pL{2}`` takes half; what repeats repetitions is refused."""
RULE_PATTERNS_BYTES_MAX: Final = 2 * 1024 * 1024
"""Of all that is looked for in one field, compiled, and of the states that a search may keep: a thousand
merchants' names take a tenth. Larger automata would let a tenant's own rules hold up its answers."""

RULE_EXAMPLES_DEFAULT: Final = 5
RULE_EXAMPLES_MAX: Final = 50
RULE_SUGGESTIONS_DEFAULT: Final = 50
RULE_SUGGESTIONS_MAX: Final = 500
RULE_SUPPORT_MIN_DEFAULT: Final = 8
RULE_MINED_ENTRIES_MAX: Final = 50_000
"""Latest entries that suggestions are mined from, in some seconds: older habits are no rules any more."""

# --- Feedback -------------------------------------------------------------------------------
PREDICTION_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of one record when it is inflated. 300 candidates take 90 KB a dimension, of which there are 16 at most."""
PREDICTION_ID_CHARS_MAX: Final = 64
PREDICTIONS_KEPT_DEFAULT: Final = 1_000
"""Latest answers kept of a tenant, 2 to 4 MB: some months of a bookkeeper's."""
PREDICTIONS_KEPT_MAX: Final = 100_000
PREDICTIONS_QUEUED_MAX: Final = 512
"""Answers on their way to the disk in one process: 5 to 10 MB, and six seconds of work."""
LABELS_QUEUED_MAX: Final = 20_000
"""Labelled transactions on their way to be tied to answers in one process: 10 MB, two full batches."""
PREDICTION_DAYS_KEPT_DEFAULT: Final = 90
PREDICTION_DAYS_KEPT_MAX: Final = 3_650
FEEDBACK_GROUPS_MAX: Final = 1_000
"""Groups by category that are told of at once."""
TALLY_DAYS_KEPT_MAX: Final = 800
"""Two years and a quarter: a month is compared with the same of the two years before. A day has a row of 30
bytes for each category, decision and witness that was answered with: 60 a day come to 1.5 MB."""

# --- Reviews and explanations ------------------------------------------------------------------
REVIEW_ENTRIES_DEFAULT: Final = 20_000
"""Labels of a tenant that a review asks about once more, some 2 ms each: of more, a sample."""
REVIEW_ENTRIES_MAX: Final = 200_000
REVIEW_FINDINGS_DEFAULT: Final = 50
"""Of each kind and dimension: what somebody may look through in an afternoon."""
REVIEW_FINDINGS_MAX: Final = 1_000
"""Of each kind and dimension: with 16 dimensions and what they rest on, some 100 MB."""
REVIEW_ENTRIES_SHOWN_MAX: Final = 8
"""Entries that one finding shows."""
REVIEW_BUDGET_MS_DEFAULT: Final = 120_000
REVIEW_BUDGET_MS_MAX: Final = 3_600_000
REVIEW_PAYEES_MAX: Final = 8_000
"""Payees whose spellings are compared, each with each, the most used first: a second."""
COUNTERFACTUAL_ENTRIES_MAX: Final = 3
"""Entries of one counterfactual: who reads \"without these five\" learns nothing of any of them."""
COUNTERFACTUAL_TRIED_MAX: Final = 12
"""Entries that are left out in turn, the weightiest first, for each that is found: a millisecond each."""

# --- Calls -----------------------------------------------------------------------------------
BATCH_ITEMS_MAX: Final = 10_000
"""Transactions in one Learn, one import batch or one ForgetTransactions."""
GROUP_ITEMS_MAX: Final = 64
"""Transactions of several callers' Learn in one commit: as many as are asked about beforehand."""
MESSAGE_BYTES_MAX: Final = 32 * 1024 * 1024
"""One gRPC message. A full batch of ordinary transactions (some 300 bytes each) takes a tenth."""
RESPONSE_BYTES_AIM: Final = 2 * 1024 * 1024
"""A page of entries or a batch of an export ends at the entry that reaches it. An entry has 150 KB at most,
and a client that did not ask for more accepts messages of 4 MiB."""
REJECTIONS_RETURNED_MAX: Final = 1_000
"""Refused rows that an import names; it counts them all. Some 3 KB each at most."""
REQUEST_ID_CHARS_MAX: Final = 128
SNAPSHOT_LABELS_MIN: Final = 500
"""Labels of a tenant that is worth a snapshot beside its store: fewer are read in 5 ms."""
SNAPSHOT_LABELS_BEHIND_MIN: Final = 256
"""Labels that a snapshot may be behind, and a sixteenth of all: they are read one by one, in 3 ms."""
SNAPSHOT_CHANGES_BEHIND_MAX: Final = 1_024
SNAPSHOT_BYTES_MAX: Final = 512 * 1024 * 1024
"""Of one file, which is in memory while it is written and read: a million labels, half of them of texts of
their own."""
REQUEST_IDS_KEPT_MAX: Final = 10_000
"""Request ids remembered per tenant, so that a repeated Learn is recognised."""
REQUEST_OUTCOME_CHARS_MAX: Final = 1_024
"""Of what is remembered with one. That of a purge takes 852 where each number has the most digits."""
CORRECTIONS_PER_ENTRY_MAX: Final = 1_024
"""Corrections of one entry, in a tenant that arrives from elsewhere. A change of mind makes one a dimension;
a small archive could claim millions."""
AUDIT_RECORDS_KEPT_MAX: Final = 50_000
"""Latest records of a tenant's audit trail, 5 MB: years of a bookkeeper's lessons. A data folder's own trail
keeps as many: of tenants created and deleted, and of tokens."""
JOURNAL_CHANGES_KEPT_MAX: Final = 2_048
"""Changes of which a tenant's store can tell what each was. Who is further behind reads all anew."""
JOURNAL_SEQS_MAX: Final = 1_000
"""Entries that one change superseded, as its journal names them; after more, all is read anew."""
PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1_000
PAGE_TOKEN_CHARS_MAX: Final = 512
CANDIDATES_DEFAULT: Final = 5
CANDIDATES_MAX: Final = 50
NEIGHBOURS_DEFAULT: Final = 8
NEIGHBOURS_MAX: Final = 64

# --- Retrieval (on the real books these lose nothing against all rows of the nearest 48) --------
RETRIEVED_TEXTS_MAX: Final = 32
"""Distinct texts looked at for one decision."""
RETRIEVED_ENTRIES_PER_TEXT_MAX: Final = 64
"""The latest entries of one text that give evidence."""
RETRIEVED_ENTRIES_MAX: Final = 256
"""Entries that give evidence for one decision, those of the nearest texts first."""

# --- The language model ------------------------------------------------------------------------
LANGUAGE_MODEL_CATEGORIES_MAX: Final = 200
"""Categories of one dimension that it is told of, the most used first: some 8,000 tokens. A local model's
context is 4,096 to 32,768."""
LANGUAGE_MODEL_NAME_CHARS_MAX: Final = 80
LANGUAGE_MODEL_DESCRIPTION_CHARS_MAX: Final = 200
"""Of each category: what comes later says little."""
LANGUAGE_MODEL_ANSWER_TOKENS_MAX: Final = 64
"""An answer of the form that is asked for has ten."""
LANGUAGE_MODEL_RESPONSE_BYTES_MAX: Final = 64 * 1024
"""Of one answer with its headings, which has one or two thousand."""
LANGUAGE_MODEL_TOKENS_CLAIMED_MAX: Final = 1_000_000
"""That one answer may claim to have taken; of more, the estimate counts."""
LANGUAGE_MODEL_QUEUE_MAX: Final = 64
"""Questions that wait to be asked, half of them one tenant's: a minute's worth. More are not asked."""
LANGUAGE_MODEL_KEY_FILE_BYTES_MAX: Final = 4_096
MODEL_NAME_CHARS_MAX: Final = 128
"""Of a language model, as it is kept with what it said."""
TESTIMONIES_KEPT_MAX: Final = 1_000
"""Latest testimonies of a tenant: they are its language model's record, and are in memory, some 300 bytes
each."""
SUGGESTIONS_WATCHED_POLL_MS: Final = 250
"""How soon one that watches is told: a person does not notice, and a look takes some microseconds."""

# --- Backups ---------------------------------------------------------------------------------
BACKUP_MANIFEST_BYTES_MAX: Final = 128 * 1024 * 1024
"""100,000 tenants take 60 MB: each its id, its counts, and the checksums of its files."""
BACKUP_FILES_PER_TENANT_MAX: Final = 4
"""A tenant has a store, and what goes with it."""
BACKUP_KEYS_BYTES_MAX: Final = 128 * 1024 * 1024
"""Of the file of wrapped keys beside a backup. 100,000 tenants take 35 MB."""

# --- Changing the encoder ----------------------------------------------------------------------
NEXT_VECTORS_PIECE: Final = 512
"""Texts encoded, and their vectors committed, at once: 5 ms, for which a lesson of that tenant may wait."""
SWITCH_TEXTS_MAX: Final = 256
"""Texts that were learned while a tenant's switch was prepared, and are encoded within it: 5 ms. With more
it is prepared again."""

# --- Portable exports ------------------------------------------------------------------------
PORTABLE_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Of an archive with all about a tenant: two million entries take some 150 MB."""
PORTABLE_FILE_BYTES_MAX: Final = 8 * 1024 * 1024 * 1024
"""Of one file in it, when it is unpacked; it never lies anywhere unpacked. Entries have 450 bytes mostly."""
PORTABLE_DIRECTORY_BYTES_MAX: Final = 64 * 1024
"""Of the archive's list of files, which is read into memory whole."""
PORTABLE_MANIFEST_BYTES_MAX: Final = 64 * 1024
PORTABLE_LINE_BYTES_MAX: Final = 1024 * 1024
"""Of a record: an entry of the longest fields has half of that, each character escaped."""
PORTABLE_TALLIES_MAX: Final = 1_000_000
"""Counts of answers that are taken in, and as many of questions: of two years with a thousand a day."""
PORTABLE_CHUNK_BYTES: Final = 256 * 1024
"""Of an archive, in one message."""

# --- Files of history --------------------------------------------------------------------------
FILE_LINE_CHARS_MAX: Final = 1_048_576
"""A line that is longer belongs to no table; reading it on would take memory without bound."""
FILE_COLUMNS_MAX: Final = 1_024
FILE_HEADER_LINES_MAX: Final = 100
"""Lines in which the header is looked for. Banks put up to thirty lines of preamble above it."""
FILE_BATCH_ROWS: Final = 10_000
"""Rows read at once: enough that the cost per batch is lost, and some 10 MB."""
FILE_BATCH_CHARS_MAX: Final = 16 * 1024 * 1024
"""A batch ends early here, so that rows of a megabyte each do not fill the memory."""
FILE_UNASKED_ROWS_MAX: Final = 100_000
"""Rows searched for dates and amounts that leave a question open (day first? decimal comma?). If there is
none in so many, the search ends; once there is one, it goes on until something answers it."""
IMPORT_BATCH_ROWS: Final = 5_000
"""Rows committed at once in bulk; lost at most when interrupted."""
IMPORT_BUFFERED_ROWS_MAX: Final = 50_000
"""Rows of all tenants of a file held until their tenants' batches are full."""
IMPORT_BUFFERED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Cells of those rows, kept to show originals: it is what bounds memory where rows are long."""
IMPORT_PROCESSES_MAX: Final = 8
"""Processes of one import, which share the memory for rows and tenants and take 150 MB each besides."""
IMPORT_ROWS_PER_PROCESS_MIN: Final = 20_000
"""Fewer are not worth a process of their own, which takes a second to start: unless so many are asked for."""
IMPORT_PARTS: Final = 1 << 12
"""Into which tenants are hashed and then dealt to processes by their rows: a hundred of them mostly have one
each, and of many the largest part is small."""
IMPORT_ROWS_DEALT_MAX: Final = 200_000
"""First rows by which parts are dealt. Of a Parquet file they take .1 s, of CSV a second; tenants that come
later are dealt by their hash."""
IMPORT_ALL_REJECTED_ROWS_MAX: Final = 1_000
"""If so many rows are rejected and none was taken yet, the columns are misunderstood: the import stops."""
REJECTS_SHOWN_MAX: Final = 10
"""Rejected rows shown on the terminal; the file of rejects has them all."""

# --- Tables that are written -------------------------------------------------------------------
TABLE_FRAME_ROWS: Final = 1_000
"""Rows asked about in one stream and written at once: some 1 MB of answers."""
TABLE_PART_ROWS: Final = 5_000
"""Rows of one row group of a Parquet file that is written. With 20,000 the memory peak of 40,000 answers was
394 MB, with 5,000 it was 229, and with three times the rows 241."""

# --- Backtests ---------------------------------------------------------------------------------
BACKTEST_ROWS_DEFAULT: Final = 4_000
"""Latest rows of a tenant that are replayed: older ones seldom change a figure, and each takes time."""
BACKTEST_ASKED_ROWS_MIN: Final = 20
"""Of fewer answers, 95 % right is all of them right: such a tenant, or such a point of a learning curve, is
left out."""
BACKTEST_LEARNING_ASKED_MAX: Final = 200
"""Rows asked about for one point of a learning curve."""
BACKTEST_MISTAKES_PER_CONFUSION_MAX: Final = 3
"""Examples shown of one confusion."""
BACKTEST_EMBEDDINGS_KEPT_MAX: Final = 50_000
"""Texts whose embedding a process keeps for a peer, from one point of a learning curve to the next: 77 MB of
384 float32 each."""
BACKTEST_NEIGHBOURS_PER_LABEL_MAX: Final = 2
"""Past entries shown of those that misled one answer, and of those that knew better."""

# --- Amount of time --------------------------------------------------------------------------
DEADLINE_MS_DEFAULT: Final = 5_000
"""What a client allows a unary call unless it says otherwise."""

# --- Who may call ------------------------------------------------------------------------------
TOKENS_MAX: Final = 10_000
"""Tokens kept, those that were revoked among them: for some thousand tenants' applications. Their file has 4
MB then, and is read in .1 s."""
TOKEN_LABEL_CHARS_MAX: Final = 100
RATES_KEPT_MAX: Final = 20_000
"""Callers of whom it is known how often they called of late, some 100 bytes each: more than there are tokens.
Whom a certificate names is without bound."""
FAILURES_LOGGED_PER_S: Final = 5
"""Lines a second about callers that were not let in; the rest is counted. They cost more than the refusal."""
CONNECTION_AGE_S_MAX: Final = 3_600
"""A connection by a client certificate ends after so long, between calls: whoever is not let in any more, by
a new file of authorities, is out by then."""

# --- The server under load -------------------------------------------------------------------
BURST_WAIT_MS_MAX: Final = 100
"""How long calls may wait in quiet times: a hundred that come at once are answered, a second hundred refused.
As CoDel's interval, some round trips of its callers (RFC 8289)."""
DISK_WAIT_MS_MAX: Final = 250
"""How long a call may wait that writes or reads back. It takes ten times as long as a Classify, and seldom is
there a person who waits for it."""
RETRY_AFTER_MS_MIN: Final = 20
"""Twice what a call waits by default: who comes again sooner is refused again."""
RETRY_AFTER_MS_MAX: Final = 5_000
"""However long there has been too much work, somebody should look whether there still is."""
CONNECTION_CALLS_MAX: Final = 100
"""Calls of one connection under way, streams among them. Further ones wait with their caller, where they cost
nothing and nobody else waits behind them. RFC 9113 asks for a hundred at least."""
CONNECTIONS_MAX: Final = 1_024
"""Connections open to one process; further ones are closed at once. An application has one or two, for calls
share them; an idle one takes 15 KB."""
HANDSHAKE_MS_MAX: Final = 20_000
"""From a connection's start until it has said what TLS and HTTP/2 ask for. gRPC's default is two minutes."""
METADATA_BYTES_MAX: Final = 8 * 1024
"""Of one call, as HTTP/2 counts them: 32 bytes a header besides. A tenant and a token take 400 bytes; tracing
and proxies add a thousand."""
STREAM_IDLE_S_MAX: Final = 120
"""How long a stream waits for its caller to send, or to read what was sent, until it is ended: its place may
be one of a few, and an export keeps its tenant in use. Twice the minute in which clients ping."""
FOREIGN_MESSAGE_BYTES_MAX: Final = 1_024
"""Of a request for health or reflection: a name of some dozen bytes. Health is told to anybody."""
CALLS_UNRECEIVED_MAX: Final = 100
"""Calls that wait to be received at all: 20 ms at 5,000 a second. Beyond it gRPC's core refuses some, beyond
twice as many all. Nothing costs less, but it knows neither whose they are nor when to come again."""
CALLS_ASIDE_MAX: Final = 24
"""Calls that wait for tenants to be loaded: half a second of loads of 20 ms. Half may be one tenant's."""
SLOW_CALLER_MS: Final = 5
"""From the head of a call to its message, after which its place is another's. Mostly they are one packet."""
SPARE_THREADS: Final = CALLS_ASIDE_MAX + 8
"""Threads of a lane beyond its places: for calls that are aside, and those whose callers are slow to send. An
idle thread takes 100 KB."""
BULK_GIVES_WAY_MS_MAX: Final = 5
"""How long a slice of a stream's work waits while calls come without a gap: 160 slices a second at least."""
BULK_SLICE_MS: Final = 1
"""How long a stream's work goes on before it gives way again: twice a Classify."""
IMPORT_PIECE_ITEMS: Final = 200
"""Items of an import's batch that are worked on and committed at once: some 10 ms. With a hundred a row took
a third more, with two thousand hardly less."""


def _check_relations() -> None:
    """Raise ValueError where two limits contradict each other."""
    relations = {
        "page sizes": PAGE_SIZE_DEFAULT <= PAGE_SIZE_MAX,
        "candidates": CANDIDATES_DEFAULT <= CANDIDATES_MAX,
        "neighbours": NEIGHBOURS_DEFAULT <= NEIGHBOURS_MAX <= RETRIEVED_ENTRIES_MAX,
        "entries": RETRIEVED_ENTRIES_PER_TEXT_MAX <= RETRIEVED_ENTRIES_MAX,
        "a tenant's folder name": 3 * TENANT_ID_BYTES_MAX <= 255,
        "a text fits an encoder": min(ENCODER_TOKENS_MAX, ENCODER_CHARS_PER_RUN_MAX) >= TEXT_CHARS_MAX + 2,
        # A text has at most one n-gram of each length from 2 to 4 a character, and less than a word.
        "a head affords a label": CATEGORIES_MAX * 4 * TEXT_CHARS_MAX <= HEAD_CELL_UPDATES_MAX,
        "a head's weights know their category": CATEGORIES_MAX <= 2**16,
        "a tenant's ids take 32 bits of bytes": 4
        * TRANSACTION_ID_CHARS_MAX
        * (2 * TENANT_LABELS_MAX + BATCH_ITEMS_MAX)
        < 2**32,
        "amounts fit int64 units": AMOUNT_UNITS_MAX < 2**63,
        "bulk batches": IMPORT_BATCH_ROWS <= BATCH_ITEMS_MAX
        and IMPORT_PIECE_ITEMS <= BATCH_ITEMS_MAX
        and IMPORT_BATCH_ROWS <= IMPORT_BUFFERED_ROWS_MAX
        and FILE_BATCH_ROWS <= IMPORT_BUFFERED_ROWS_MAX,
        "rates of all tokens are kept": TOKENS_MAX <= RATES_KEPT_MAX,
        "waits of calls": BURST_WAIT_MS_MAX <= DISK_WAIT_MS_MAX <= RETRY_AFTER_MS_MAX,
        # So that the calls of one connection are all refused by us, with the time to wait.
        "a connection's calls are received": CONNECTION_CALLS_MAX <= CALLS_UNRECEIVED_MAX,
        "who waits aside has a thread": CALLS_ASIDE_MAX < SPARE_THREADS,
        "a response fits a message": RESPONSE_BYTES_AIM < MESSAGE_BYTES_MAX,
        "a snapshot can be followed": SNAPSHOT_CHANGES_BEHIND_MAX < JOURNAL_CHANGES_KEPT_MAX,
        "a group is no bulk": GROUP_ITEMS_MAX <= OUTCOMES_PER_LESSON_MAX,
        "a batch fits a tenant": BATCH_ITEMS_MAX <= TENANT_LABELS_MAX,
        # An ordinary row has some 300 bytes on the wire; the factor leaves room for long ones.
        "a batch fits a message": BATCH_ITEMS_MAX * 1_024 <= MESSAGE_BYTES_MAX,
    }
    broken = [name for name, holds in relations.items() if not holds]
    if broken:
        raise ValueError(f"limits contradict each other: {', '.join(broken)}")


_check_relations()
