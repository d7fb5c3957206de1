// Licence-plate reads, as rows: one plate-shaped word means nothing, a table of them does.

rule outbound_plate_rows
{
    meta:
        severity    = "medium"
        category    = "plate"
        description = "Rows of licence-plate reads left the network"
        confidence  = "medium"
    condition:
        direction == "outbound" and plate_row_count >= 8 and plate_row_count < 100
}

rule outbound_plate_export
{
    meta:
        severity    = "high"
        category    = "plate"
        description = "A hundred or more licence-plate reads left the network"
        confidence  = "high"
    condition:
        direction == "outbound" and plate_row_count >= 100
}
