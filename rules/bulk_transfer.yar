// Much in one go, or little by little. The tallies count what one sender has sent to one receiver in the last ten
// minutes; an object that is harmless by itself (a plate crop, one row) is not when it is the fiftieth. Where every
// further object would hold again, `%` lets each fiftieth speak: the one whose images passed a multiple of fifty.

rule bulk_images
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "Fifty images, of whatever size, went from one sender to one receiver; told at each fifty"
        reference   = "images_from_sender; a person mails a handful, a plate reader's crops come by the hundred"
        confidence  = "medium"
    condition:
        image_valid and not (method == "GET" and sender_side == "server") and app_proto != "smtp"
        and image_width >= 60 and image_height >= 20
        and images_from_sender >= 50 and (images_from_sender % 50 == 0 or images_from_sender % 50 < image_count)
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_images_served
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "A client outside fetched five hundred images from a web server inside; told at each five hundred"
        reference   = "images_from_sender; a visitor's pages have dozens, a copy of the archive has all"
        confidence  = "medium"
    condition:
        image_valid and method == "GET" and sender_side == "server"
        and image_width >= 60 and image_height >= 20
        and images_from_sender >= 500 and (images_from_sender % 500 == 0 or images_from_sender % 500 < image_count)
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_images_mailed
{
    meta:
        severity    = "low"
        category    = "bulk"
        description = "A hundred images were mailed from one server to another in ten minutes; told at each hundred"
        reference   = "images_from_sender; logos of signatures for the most part, and where crops would hide"
        confidence  = "low"
    condition:
        image_valid and app_proto == "smtp" and image_width >= 60 and image_height >= 20
        and images_from_sender >= 100
        and (images_from_sender % 100 == 0 or images_from_sender % 100 < image_count)
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_records
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "A hundred biometric or personal records went from one sender to one receiver, little by little"
        reference   = "records_from_sender; each object may stay below what its own rule asks for"
        confidence  = "medium"
    condition:
        records_from_sender >= 100
        and (biometric_valid or mrz_valid_count >= 1 or plate_row_count >= 1 or pnr_count >= 1 or ssn_count >= 1
            or passport_count >= 1 or embedding_count >= 1)
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_bytes
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 500 MB went from one sender to one receiver in ten minutes, by many connections"
        reference   = "bytes_from_sender; opaque_bulk_upload sees one connection; this sees a hundred of 5 MB"
        confidence  = "low"
    condition:
        bytes_from_sender > 500MB
        and not (method == "GET" and sender_side == "server") and (object_type == "flow" or object_size >= 1MB)
        and not ((app_proto == "tls" or app_proto == "quic") and sender_side == "server") // fetched
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_large_object
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "One object of 100 MB or more was sent out in clear text"
        reference   = "An archive, a disk image, a database dump; what is inside has its own rules"
        confidence  = "low"
    condition:
        object_size >= 100MB and object_depth == 0
        and object_type != "flow" and not (method == "GET" and sender_side == "server")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_large_flow
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 500 MB left in one connection in clear text, object after object"
        reference   = "flow_bytes_out; rsync, an FTP mirror, a synchronised folder"
        confidence  = "low"
    condition:
        flow_bytes_out > 500MB
        and flow_bytes_out > flow_bytes_in * 10 and object_type != "flow" and object_depth == 0
        and object_size >= 1MB and object_size < 100MB and not (method == "GET" and sender_side == "server")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule bulk_data_set
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "A database, a data set or a capture of the network left, 100 KB or more of it"
        reference   = "SQLite, PostgreSQL dumps, HDF5, Parquet, Arrow, NumPy, pcap: everything at once"
        confidence  = "medium"
    condition:
        (object_type == "sqlite" or object_type == "pgdump" or object_type == "hdf5" or object_type == "parquet"
            or object_type == "arrow" or object_type == "npy" or object_type == "pcap" or object_type == "pcapng")
        and object_size >= 100KB
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}
