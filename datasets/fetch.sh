# shellcheck shell=bash
# Sourced by every datasets/<name>/run.sh: fetch, verify, convert, publish.
#
# A run.sh describes its data set and hands over:
#
#   DATASET=ag_news                     folder name; also the folder on a mirror
#   TITLE, TERMS, MANUAL_ADDRESS        printed before anything is downloaded
#   declare_file NAME ALGORITHM:CHECKSUM ADDRESS...
#   declare_output FORMAT FILE...       what convert.py writes for this format
#   prepare_dataset "$@"
#
# CONVERTED_AS=weibo_hashtags names the data set whose convert.py that of this one runs, if it does.
#
# ALGORITHM:CHECKSUM may be `unknown` where none is published: what arrives whole is taken, unless
# it is an HTML page, and its sha256 is told; convert.py has to refuse a damaged file.
#
# An ADDRESS may be `archive.tgz#member`. convert.py is called as
#   convert.py --source DIR --output DIR [--format FORMAT]
# and writes into an empty folder; only a complete result is moved into place. What every convert.py
# shares is in conversion.py beside this file.
#
# Written for bash 3.2 (macOS) and git-bash too: no associative arrays, no
# expansion of an empty array under `set -u`.
#
# Exit status: 0 done, 1 a download failed, 2 a mistake in the arguments or the data.

FILE_NAMES=()
FILE_CHECKSUMS=()
FILE_ADDRESSES=()
FORMATS=()
OUTPUTS=()
PARTS=() # what is being downloaded

LOCAL_SOURCE=""
FORMAT=""
OUTPUT="$HERE/data"
CONVERSION="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/conversion.py"

TRIES=4
RETRY_WAIT="${TEXTZOO_RETRY_WAIT:-2}"

declare_file() {
    FILE_NAMES+=("$1")
    FILE_CHECKSUMS+=("$2")
    shift 2
    FILE_ADDRESSES+=("$*")
}

declare_output() {
    FORMATS+=("$1")
    shift
    OUTPUTS+=("$*")
}

# ---------------------------------------------------------------- messages

say() { printf '%s\n' "$*"; }

fail() { # STATUS LINE...
    local status="$1" line
    shift
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit "$status"
}

usage() {
    local several=""
    if [ "${#FORMATS[@]}" -gt 1 ]; then several=" [--format $(joined_formats)]"; fi
    say "usage: sh run.sh ${USAGE:-}[--from DIR]$several [--output DIR] [--help]"
}

joined_formats() { (IFS='|'; printf '%s' "${FORMATS[*]}"); }

help() {
    usage
    say ""
    say "$TITLE: download, verify, convert. A second run changes nothing."
    say ""
    say "  --from DIR      take the source files from DIR in place of the download."
    say "                  Expected there: ${FILE_NAMES[*]}"
    say "                  A file that differs from the published one is used, with a notice."
    if [ "${#FORMATS[@]}" -gt 1 ]; then
        say "  --format NAME   one of: ${FORMATS[*]} (default: ${FORMATS[0]})"
    fi
    say "  --output DIR    where to write (default: data/ beside run.sh)"
    say "  --help          this text"
    say ""
    say "Environment:"
    say "  TEXTZOO_MIRROR      base address tried before the public ones, for example a mirror"
    say "                      inside a company: FILE is asked for at"
    say "                      \$TEXTZOO_MIRROR/$DATASET/FILE and must have the published checksum"
    say "  TEXTZOO_RETRY_WAIT  whole seconds before the first retry, doubled each time (default: 2)"
    say "  PYTHON              the Python to convert with (default: python3, else python)"
    say "  https_proxy         as for any use of curl"
    say ""
    say "$TERMS"
}

# --------------------------------------------------------------- arguments

parse_arguments() {
    FORMAT="${FORMATS[0]}"
    while [ "$#" -gt 0 ]; do
        case "$1" in
            --help | -h) help; exit 0 ;;
            --from) require_value "$@"; LOCAL_SOURCE="$2"; shift 2 ;;
            --output) require_value "$@"; OUTPUT="$2"; shift 2 ;;
            --format)
                if [ "${#FORMATS[@]}" -lt 2 ]; then reject_argument "$1"; fi
                require_value "$@"
                FORMAT="$2"
                shift 2
                ;;
            *) reject_argument "$1" ;;
        esac
    done
    format_index >/dev/null || fail 2 "--format: received '$FORMAT', expected one of: ${FORMATS[*]}"
    case "$RETRY_WAIT" in
        *[!0-9]*) fail 2 "TEXTZOO_RETRY_WAIT: received '$RETRY_WAIT', expected whole seconds" ;;
    esac
    if [ -e "$OUTPUT" ] && [ ! -d "$OUTPUT" ]; then
        fail 2 "--output: $OUTPUT is a file, expected a folder"
    fi
}

require_value() {
    if [ "$#" -lt 2 ] || [ -z "$2" ]; then fail 2 "$1 needs a value" "$(usage)"; fi
}

reject_argument() { fail 2 "unknown argument: $1" "$(usage)"; }

format_index() {
    local i
    for i in "${!FORMATS[@]}"; do
        if [ "${FORMATS[$i]}" = "$FORMAT" ]; then printf '%s' "$i"; return 0; fi
    done
    return 1
}

# --------------------------------------------------------------- checksums

checksum() { # ALGORITHM FILE -> ALGORITHM:HEX
    # The file is given on stdin: with a name, sha256sum escapes unusual characters.
    local hex
    case "$1" in
        sha256)
            if command -v sha256sum >/dev/null 2>&1; then hex="$(sha256sum <"$2")"
            else hex="$(shasum -a 256 <"$2")"; fi
            ;;
        md5)
            if command -v md5sum >/dev/null 2>&1; then hex="$(md5sum <"$2")"
            else hex="$(md5 -q <"$2")"; fi
            ;;
        *) fail 2 "checksum algorithm: received '$1', expected sha256 or md5" ;;
    esac
    printf '%s:%s' "$1" "${hex%% *}"
}

has_checksum() { # FILE ALGORITHM:HEX
    if [ "$2" = unknown ]; then ! is_html "$1"; return; fi
    [ "$(checksum "${2%%:*}" "$1")" = "$2" ]
}

# ---------------------------------------------------------------- download

# Result of the last failed attempt, in words; read by download_file.
FAILURE=""

run_curl() { # ADDRESS PART -> "HTTP_STATUS CONTENT_TYPE" on stdout, curl's exit status
    local progress="--silent"
    if [ -t 2 ]; then progress="--progress-bar"; fi
    # A slow line may take as long as it needs; one that stalls for a minute is given up.
    curl "$progress" --fail --location --continue-at - --output "$2" \
        --connect-timeout 20 --speed-limit 100 --speed-time 60 \
        --write-out '%{http_code} %{content_type}' "$1"
}

describe_curl_failure() { # CURL_STATUS HTTP_STATUS
    case "$1" in
        6) say "host name not found (offline? behind a proxy: set https_proxy)" ;;
        7) say "no connection to the server" ;;
        18 | 52 | 56) say "the connection broke before the whole file had come" ;;
        22)
            case "$2" in
                404 | 410) say "HTTP $2: the file has moved or was removed" ;;
                *) say "HTTP $2" ;;
            esac
            ;;
        28) say "timed out" ;;
        *) say "curl stopped with exit status $1 (curl's manual lists them)" ;;
    esac
}

is_worth_a_retry() { # CURL_STATUS HTTP_STATUS
    case "$1" in
        5 | 6 | 7 | 16 | 18 | 28 | 33 | 35 | 52 | 55 | 56 | 92) return 0 ;;
        22) case "$2" in 408 | 416 | 429 | 5??) return 0 ;; esac ;;
    esac
    return 1
}

is_html() { # FILE
    head -c 500 "$1" | grep -qi -e '<!doctype html' -e '<html'
}

describe_wrong_content() { # FILE EXPECTED CONTENT_TYPE
    local received size
    if [ "${3%%;*}" = "text/html" ] || [ "$2" = unknown ] || is_html "$1"; then
        say "an HTML page came in place of the file (moved, or a login page?)"
        return
    fi
    received="$(checksum "${2%%:*}" "$1")"
    size="$(($(wc -c <"$1")))"
    say "checksum differs: expected $2, received $received ($size bytes)"
}

extract_candidate() { # ADDRESS PART CANDIDATE; for a plain address PART is the candidate
    case "$1" in
        *#*) tar -xzOf "$2" "${1#*#}" >"$3" 2>/dev/null ;;
        *) [ "$2" = "$3" ] ;;
    esac
}

is_complete() { # ADDRESS PART CANDIDATE EXPECTED
    [ -s "$2" ] && extract_candidate "$1" "$2" "$3" && has_checksum "$3" "$4"
}

try_address() { # ADDRESS PART CANDIDATE EXPECTED; 0 when CANDIDATE is the whole file
    local address="$1" part="$2" candidate="$3" expected="$4"
    local attempt=1 wait="$RETRY_WAIT" reply curl_status resumed
    # An earlier run, or another member of the same archive, may have left all of it.
    if [ "$expected" = unknown ]; then rm -f "$part"; fi # whole or not, nothing can tell
    if is_complete "$address" "$part" "$candidate" "$expected"; then return 0; fi
    while :; do
        resumed=""
        if [ -s "$part" ]; then resumed=yes; fi
        curl_status=0
        reply="$(run_curl "${address%%#*}" "$part")" || curl_status=$?
        if [ "$curl_status" -eq 0 ]; then
            if is_complete "$address" "$part" "$candidate" "$expected"; then return 0; fi
            FAILURE="$(describe_wrong_content "$part" "$expected" "${reply#* }")"
            rm -f "$part" "$candidate"
            # What was resumed may have been the beginning of something else: start afresh once.
            if [ -z "$resumed" ]; then return 1; fi
        else
            FAILURE="$(describe_curl_failure "$curl_status" "${reply%% *}")"
            if ! is_worth_a_retry "$curl_status" "${reply%% *}"; then return 1; fi
            # The server cannot continue from here: 33 no ranges, 416 nothing left to send.
            if [ "$curl_status" -eq 33 ] || [ "${reply%% *}" = 416 ]; then rm -f "$part"; fi
        fi
        if [ "$attempt" -ge "$TRIES" ]; then return 1; fi
        say "  $FAILURE; try $((attempt + 1)) of $TRIES in $wait s"
        sleep "$wait"
        attempt=$((attempt + 1))
        wait=$((wait * 2))
    done
}

download_file() { # NAME EXPECTED DESTINATION ADDRESS...
    local name="$1" expected="$2" destination="$3" address part
    local report=()
    shift 3
    mkdir -p "$(dirname "$destination")"
    if [ -f "$destination" ]; then
        if has_checksum "$destination" "$expected"; then return 0; fi
        say "$name: the earlier download no longer has its checksum, fetching it again"
        rm -f "$destination"
    fi
    if [ -n "${TEXTZOO_MIRROR:-}" ]; then set -- "${TEXTZOO_MIRROR%/}/$DATASET/$name" "$@"; fi
    for address in "$@"; do
        say "$name: fetching $address"
        part="$destination.part"
        case "$address" in *#*) part="$(dirname "$destination")/$(archive_name "$address").part" ;; esac
        PARTS+=("$part" "$destination.part")
        if try_address "$address" "$part" "$destination.part" "$expected"; then
            mv -f "$destination.part" "$destination"
            if [ "$expected" = unknown ]; then
                say "$name: complete; no checksum is published, received $(checksum sha256 "$destination")"
            else
                say "$name: complete, ${expected%%:*} verified"
            fi
            return 0
        fi
        say "  $FAILURE"
        report+=("$address" "  $FAILURE")
    done
    fail 1 "$name could not be downloaded. Tried:" "${report[@]}" \
        "What to do: run it again later (what has come so far is kept), set TEXTZOO_MIRROR," \
        "or get the file by hand and run: sh run.sh --from FOLDER_WITH_THE_FILES" \
        "by hand, look first at $MANUAL_ADDRESS"
}

archive_name() { # ADDRESS#MEMBER -> ARCHIVE
    local archive="${1%%#*}"
    printf '%s' "${archive##*/}"
}

download_all() { # -> SOURCE
    local i
    if [ -z "${FILE_ADDRESSES[0]}" ]; then
        fail 2 "$TITLE cannot be downloaded: bring your own copy and run: sh run.sh --from DIR" \
            "expected there: ${FILE_NAMES[*]}" "ask for it at $MANUAL_ADDRESS"
    fi
    command -v curl >/dev/null 2>&1 || fail 2 "curl was not found: install it, or use --from DIR"
    SOURCE="$OUTPUT/download"
    mkdir -p "$SOURCE"
    for i in "${!FILE_NAMES[@]}"; do
        # shellcheck disable=SC2086  # the addresses are words, separated by spaces
        download_file "${FILE_NAMES[$i]}" "${FILE_CHECKSUMS[$i]}" \
            "$SOURCE/${FILE_NAMES[$i]}" ${FILE_ADDRESSES[$i]}
    done
    if [ "${#PARTS[@]}" -gt 0 ]; then rm -f "${PARTS[@]}"; fi
}

# ------------------------------------------------------------- local files

# Checksums of the source files in the order of FILE_NAMES: the published ones,
# or with --from what is really there.
SOURCE_CHECKSUMS=()

read_source_checksums() {
    local i expected
    for i in "${!FILE_NAMES[@]}"; do
        expected="${FILE_CHECKSUMS[$i]}"
        if [ -n "$LOCAL_SOURCE" ]; then
            if [ "$expected" = unknown ]; then expected=sha256; fi
            SOURCE_CHECKSUMS+=("$(checksum "${expected%%:*}" "$LOCAL_SOURCE/${FILE_NAMES[$i]}")")
        else
            SOURCE_CHECKSUMS+=("$expected")
        fi
    done
}

require_local_files() {
    local name missing=""
    if [ ! -d "$LOCAL_SOURCE" ]; then fail 2 "--from: no such folder: $LOCAL_SOURCE"; fi
    for name in "${FILE_NAMES[@]}"; do
        if [ ! -f "$LOCAL_SOURCE/$name" ]; then missing="$missing $name"; fi
    done
    if [ -n "$missing" ]; then
        fail 2 "--from: missing in $LOCAL_SOURCE:$missing" "expected there: ${FILE_NAMES[*]}" \
            "they can be had from $MANUAL_ADDRESS"
    fi
}

use_local_files() { # -> SOURCE
    local i
    SOURCE="$LOCAL_SOURCE"
    for i in "${!FILE_NAMES[@]}"; do
        if [ "${FILE_CHECKSUMS[$i]}" = unknown ]; then continue; fi
        if [ "${SOURCE_CHECKSUMS[$i]}" != "${FILE_CHECKSUMS[$i]}" ]; then
            say "notice: $LOCAL_SOURCE/${FILE_NAMES[$i]} is not the published file:"
            say "  expected ${FILE_CHECKSUMS[$i]}"
            say "  received ${SOURCE_CHECKSUMS[$i]}"
            say "  It is used as it is; figures measured on the published data do not apply to it."
        fi
    done
}

# --------------------------------------------------- convert, publish, stamp

find_python() { # -> PYTHON
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || fail 2 "PYTHON: $PYTHON is not a Python 3.9 or newer"
        return 0
    fi
    for candidate in python3 python; do
        if is_new_enough "$candidate"; then PYTHON="$candidate"; return 0; fi
    done
    fail 2 "no Python 3.9 or newer found as python3 or python" "set PYTHON=/path/to/python"
}

is_new_enough() { # PYTHON
    # Started, not only looked up: on Windows `python3` may be a stub that opens a shop.
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null
}

current_outputs() { # relative paths, separated by spaces
    printf '%s' "${OUTPUTS[$(format_index)]}"
}

# What went in and what came out, as text: equal to the stamp of the last run
# exactly when nothing needs doing. Fails if a produced file is missing.
describe_state() {
    local i file
    say "format $FORMAT"
    say "convert.py $(checksum sha256 "$HERE/convert.py")"
    if [ -n "${CONVERTED_AS:-}" ]; then
        say "its convert.py $(checksum sha256 "$HERE/../$CONVERTED_AS/convert.py")"
    fi
    say "conversion.py $(checksum sha256 "$CONVERSION")"
    for i in "${!FILE_NAMES[@]}"; do say "source ${FILE_NAMES[$i]} ${SOURCE_CHECKSUMS[$i]}"; done
    for file in $(current_outputs); do
        if [ ! -f "$OUTPUT/$file" ]; then return 1; fi
        say "output $file $(checksum sha256 "$OUTPUT/$file")"
    done
}

is_up_to_date() { # STAMP
    local state
    [ -f "$1" ] && state="$(describe_state)" && [ "$state" = "$(cat "$1")" ]
}

convert() { # SOURCE WORK_FOLDER
    if [ "${#FORMATS[@]}" -gt 1 ]; then
        "$PYTHON" "$HERE/convert.py" --source "$1" --output "$2" --format "$FORMAT"
    else
        "$PYTHON" "$HERE/convert.py" --source "$1" --output "$2"
    fi
}

publish() { # WORK_FOLDER STAMP
    local file
    # With such a stamp the next run converts again, should this one be killed between two moves.
    say "being replaced" >"$2"
    for file in $(current_outputs); do
        mkdir -p "$OUTPUT/$(dirname "$file")"
        mv -f "$1/$file" "$OUTPUT/$file"
    done
    describe_state >"$1/stamp"
    mv -f "$1/stamp" "$2"
}

# Only what a stamp tells to be ours is replaced.
refuse_other_files() { # STAMP
    local file
    if [ -f "$1" ]; then return 0; fi
    for file in $(current_outputs); do
        if [ -e "$OUTPUT/$file" ]; then
            fail 2 "--output: $OUTPUT/$file is there already, and was not made by this script" \
                "Move it elsewhere, or choose another folder with --output DIR."
        fi
    done
}

prepare_dataset() { # the arguments of run.sh
    local stamp file
    parse_arguments "$@"
    if [ -n "$LOCAL_SOURCE" ]; then require_local_files; fi
    read_source_checksums
    stamp="$OUTPUT/.stamp-$FORMAT"
    if is_up_to_date "$stamp"; then
        say "$TITLE: up to date in $OUTPUT ($(current_outputs))"
        return 0
    fi
    refuse_other_files "$stamp"
    find_python
    say "$TITLE"
    say "$TERMS"
    say ""
    mkdir -p "$OUTPUT" || fail 2 "--output: cannot create $OUTPUT"
    if [ -n "$LOCAL_SOURCE" ]; then use_local_files; else download_all; fi

    WORK="$OUTPUT/.partial-${DATASET//\//-}" # a name that nothing of the user's has
    rm -rf "$WORK"
    mkdir "$WORK"
    trap 'rm -rf "$WORK"' EXIT
    convert "$SOURCE" "$WORK"
    publish "$WORK" "$stamp"
    say "written:"
    for file in $(current_outputs); do say "  $OUTPUT/$file"; done
}
