// Licence-plate reads, as rows: one plate-shaped word means nothing, a table of them does, and so does one message
// of a plate reader.

rule outbound_plate_rows
{
    meta:
        severity    = "medium"
        category    = "plate"
        description = "Rows of licence-plate reads left the network"
        reference   = "Eight rows: fewer are a fleet list or a parking form"
        confidence  = "medium"
    condition:
        plate_row_count >= 8 and plate_row_count < 100
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_plate_export
{
    meta:
        severity    = "high"
        category    = "plate"
        description = "A hundred or more licence-plate reads left the network"
        reference   = "An hour of one lane"
        confidence  = "high"
    condition:
        plate_row_count >= 100
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_plate_reader_message
{
    meta:
        severity    = "medium"
        category    = "plate"
        description = "A plate reader's own message (OpenALPR, AutoVu, NIEM) left the network"
        reference   = "OpenALPR and Rekor JSON, Genetec AutoVu XML, NIEM 5.2 screening domain"
        confidence  = "high"
    condition:
        plate_row_count >= 1 and plate_row_count < 8
        and (plate_source == "openalpr" or plate_source == "autovu" or plate_source == "niem")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}
