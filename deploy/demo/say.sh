# How the demo talks. For the scripts beside this one.

now() { # in microseconds
    echo "${EPOCHREALTIME/[.,]/}"
}

seconds() { # MICROSECONDS
    printf '%d.%d s' $(($1 / 1000000)) $(($1 / 100000 % 10))
}

step() { # TITLE COMMAND...: says what comes, does it, and says how long that took
    local title=$1 begun
    shift
    printf '\n== %s\n' "$title"
    begun=$(now)
    "$@"
    printf '   done in %s\n' "$(seconds $(($(now) - begun)))"
}

shown() { # COMMAND...: how one would type it
    local word line=
    for word; do
        case $word in
        *[!a-zA-Z0-9_./:=,@%+-]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    echo "\$${line//"$PWD/"/}"
}

show() { # COMMAND...: says what it runs, runs it
    shown "$@"
    "$@"
}

quietly() { # LOG COMMAND...: shows what a command printed only if it fails
    local log=$1
    shift
    shown "$@"
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}
