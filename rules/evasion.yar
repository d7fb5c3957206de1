// Tricks on the wire whose only purpose is to show a sensor something else than the receiver gets. An allowed
// receiver is no excuse for one, so these rules do not ask.

rule evasion_stream_conflict
{
    meta:
        severity    = "high"
        category    = "evasion"
        description = "Copies of the same bytes differed: someone shows one reader what another does not get"
        reference   = "Ptacek and Newsham, Insertion, Evasion, and Denial of Service (1998)"
        confidence  = "medium"
    condition:
        direction == "outbound"
        and (stream_conflict or evasion contains "overlap_conflict" or evasion contains "fragment_conflict")
}

rule evasion_forged_end
{
    meta:
        severity    = "high"
        category    = "evasion"
        description = "A forged reset, FIN or SYN stood in an upload that went on: it should end a sensor's interest"
        reference   = "Geneva, zapret: forged RST, FIN and SYN with a small TTL or a wrong checksum"
        confidence  = "medium"
    condition:
        direction == "outbound" and not stream_conflict
        and (evasion contains "forged_reset" or evasion contains "forged_fin" or evasion contains "forged_syn")
}

rule evasion_urgent_data
{
    meta:
        severity    = "medium"
        category    = "evasion"
        description = "An upload held urgent data: its receiver may have read a byte less than anybody who looked on"
        reference   = "RFC 6093; Ptacek and Newsham 5.3"
        confidence  = "medium"
    condition:
        direction == "outbound" and not stream_conflict and evasion contains "urgent_data"
}

rule evasion_segments_set_aside
{
    meta:
        severity    = "medium"
        category    = "evasion"
        description = "Segments that no receiver would take stood among an upload's own"
        reference   = "Geneva, zapret: MD5 option, old timestamp, no ACK flag, data on SYN, out of window, low TTL"
        confidence  = "medium"
    condition:
        direction == "outbound" and not stream_conflict
        and (evasion contains "md5_option" or evasion contains "old_timestamp" or evasion contains "no_ack_flag"
            or evasion contains "wild_ack" or evasion contains "syn_data" or evasion contains "out_of_window"
            or evasion contains "low_ttl")
}

rule evasion_bad_checksum
{
    meta:
        severity    = "low"
        category    = "evasion"
        description = "Payload with a wrong checksum stood in an upload: a decoy, or a damaged segment"
        reference   = "Geneva, zapret: badsum; Stone and Partridge (2000) on damage that is an accident"
        confidence  = "low"
    condition:
        direction == "outbound" and evasion == "bad_checksum" // with any other trick the rules above speak
}
