// What the deny lists say (rules.lists in sensor.yaml). A list without entries makes its rule silent.

rule denied_receiver
{
    meta:
        severity    = "high"
        category    = "list"
        description = "Something left for a receiver of the deny list"
        reference   = "rules.lists.deny_receivers: addresses, prefixes, host names"
        confidence  = "high"
    condition:
        direction == "outbound" and receiver_denied and object_depth == 0
}

rule denied_sender
{
    meta:
        severity    = "high"
        category    = "list"
        description = "A machine that must not send anything out did: a plate reader, an enrolment station, an archive"
        reference   = "rules.lists.deny_senders: addresses and prefixes"
        confidence  = "high"
    condition:
        direction == "outbound" and sender_denied and object_depth == 0 and not receiver_allowed
}

rule denied_file
{
    meta:
        severity    = "critical"
        category    = "list"
        description = "A file of the deny list left, byte for byte, by itself or inside another"
        reference   = "rules.lists.deny_digests: SHA-256, known when an object was seen whole"
        confidence  = "high"
    condition:
        direction == "outbound" and digest_denied
}
