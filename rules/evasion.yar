// Tricks on the wire whose only purpose is to show a sensor something else than the receiver gets.

rule evasion_stream_conflict
{
    meta:
        severity    = "high"
        category    = "evasion"
        description = "Copies of the same bytes differed: someone shows one reader what another does not get"
        reference   = "Ptacek and Newsham, Insertion, Evasion, and Denial of Service (1998)"
        confidence  = "medium"
    condition:
        direction == "outbound" and stream_conflict
}

rule evasion_segments_set_aside
{
    meta:
        severity    = "medium"
        category    = "evasion"
        description = "Segments that no receiver would take stood among an upload's own"
        reference   = "Geneva, zapret: bad checksum, MD5 option, old timestamp, forged reset or SYN"
        confidence  = "medium"
    condition:
        direction == "outbound" and evasion != "" and not stream_conflict
        and not (evasion == "bad_checksum") // one damaged segment is an ordinary accident
}
