// Travellers' data in text: machine-readable zones and passenger lists.

rule outbound_mrz
{
    meta:
        severity    = "high"
        category    = "travel_document"
        description = "Machine-readable zones with true check digits left the network"
        reference   = "ICAO Doc 9303 parts 3 to 7"
        confidence  = "high"
    condition:
        direction == "outbound" and mrz_valid_count >= 1 and mrz_valid_count < 10
}

rule outbound_mrz_bulk
{
    meta:
        severity    = "critical"
        category    = "travel_document"
        description = "Ten or more machine-readable zones left the network in one object"
        reference   = "ICAO Doc 9303 parts 3 to 7"
        confidence  = "high"
    condition:
        direction == "outbound" and mrz_valid_count >= 10
}

rule outbound_passenger_list
{
    meta:
        severity    = "high"
        category    = "travel_document"
        description = "A passenger list (PAXLST, PNRGOV) left the network"
        confidence  = "high"
    condition:
        direction == "outbound" and pnr_count >= 1
}

rule outbound_ssn_list
{
    meta:
        severity    = "medium"
        category    = "personal"
        description = "US social security numbers, in context, left the network"
        confidence  = "low"
    condition:
        direction == "outbound" and ssn_count >= 10
}
