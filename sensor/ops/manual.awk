# Fills the marks of a manual page from the program's own words, so that no option is described twice:
#   @OPTIONS replay@    from `dlp-sensor replay --help`
#   @SETTINGS@          from `dlp-sensor config show`
# usage: awk -v program=build/dlp-sensor -v version=0.1.0 -f manual.awk PAGE

function quoted(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.']/, "\\\\\\&&", text)
    return text
}

function options(command,    line, name, what) {
    command = program " " command " --help"
    print ".Bl -tag -width Ds"
    while ((command | getline line) > 0) {
        if (line !~ /^  -/ && line !~ /^  +--/)
            continue
        sub(/^ +/, "", line)
        name = line
        sub(/  +.*/, "", name)
        what = line
        sub(/^.*[^ ]  +/, "", what)
        print ".It " quoted(name)
        print quoted(what)
    }
    close(command)
    print ".El"
}

function settings(    command, line, section, key, value, what) {
    command = program " config show"
    print ".Bl -tag -width Ds"
    while ((command | getline line) > 0) {
        what = line
        if (!sub(/^.*  # /, "", what)) {
            if (match(line, /^[a-z]/))
                section = substr(line, 1, index(line, ":") - 1)
            else {
                sub(/^ +/, "", line)
                sub(/:.*/, "", line)
                section = section "." line
            }
            continue
        }
        if (line ~ /^  [a-z]/)
            sub(/\..*/, "", section)
        sub(/  # .*/, "", line)
        sub(/^ +/, "", line)
        key = section "." substr(line, 1, index(line, ":") - 1)
        value = substr(line, index(line, ":") + 2)
        print ".It " quoted(key)
        print quoted(what) "."
        if (value !~ /^(""|\[\])$/ && key !~ /^(sensor\.name|sensor\.workers|redis\.url|rules\.paths)$/)
            print "Default: " quoted(value) "."
    }
    close(command)
    print ".El"
}

/^@OPTIONS / {
    sub(/@$/, "")
    options($2)
    next
}
/^@SETTINGS@$/ {
    settings()
    next
}
{
    gsub(/@VERSION@/, version)
    print
}
