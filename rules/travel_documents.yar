// Travellers' data in text: machine-readable zones, passenger lists, numbers of persons.

rule outbound_mrz
{
    meta:
        severity    = "high"
        category    = "travel_document"
        description = "Machine-readable zones with true check digits left the network"
        reference   = "ICAO Doc 9303 parts 3 to 7"
        confidence  = "high"
    condition:
        mrz_valid_count >= 1 and mrz_valid_count < 10
        and direction == "outbound" and not receiver_allowed and not sender_allowed
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
        mrz_valid_count >= 10
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_passenger_list
{
    meta:
        severity    = "high"
        category    = "travel_document"
        description = "A passenger list (PAXLST, PNRGOV) left the network"
        reference   = "UN/EDIFACT PAXLST (WCO/IATA/ICAO API guidelines), PNRGOV (ICAO Doc 9944)"
        confidence  = "high"
    condition:
        pnr_count >= 1
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_passport_numbers
{
    meta:
        severity    = "medium"
        category    = "travel_document"
        description = "Five or more passport numbers, in context, left the network"
        reference   = "A number counts behind a word that says passport, or in a column headed so; one is a booking"
        confidence  = "medium"
    condition:
        passport_count >= 5
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_ssn_list
{
    meta:
        severity    = "medium"
        category    = "personal"
        description = "Ten or more US social security numbers, in context, left the network"
        reference   = "SSA numbering rules (area, group, serial); one or two are a personal form"
        confidence  = "low"
    condition:
        ssn_count >= 10 and ssn_count < 100
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_ssn_export
{
    meta:
        severity    = "high"
        category    = "personal"
        description = "A hundred or more US social security numbers, in context, left the network"
        reference   = "SSA numbering rules (area, group, serial)"
        confidence  = "medium"
    condition:
        ssn_count >= 100
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}
