// Transfers nobody can read: what is known is how much left, to whom, and how it was balanced.
// These are evaluated for flows (object_type == "flow") at each doubling of their outbound bytes and at their end.

rule opaque_bulk_upload
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 50 MB left in one unreadable flow, ten times what came back"
        confidence  = "low"
    condition:
        direction == "outbound" and object_type == "flow"
        and flow_bytes_out > 50MB and flow_bytes_out > flow_bytes_in * 10 and flow_bytes_out <= 1000MB
}

rule opaque_huge_upload
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "More than 1 GB left in one unreadable flow, ten times what came back"
        confidence  = "medium"
    condition:
        direction == "outbound" and object_type == "flow"
        and flow_bytes_out > 1000MB and flow_bytes_out > flow_bytes_in * 10
}

rule opaque_encrypted_archive
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "An encrypted archive or document left the network"
        confidence  = "medium"
    condition:
        direction == "outbound" and encrypted_container
}
