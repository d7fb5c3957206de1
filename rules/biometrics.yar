// Biometric records. A template cannot be changed by the one it was taken from: one proved record is enough.

rule outbound_biometric_record
{
    meta:
        severity    = "critical"
        category    = "biometric"
        description = "A biometric record (finger, face, iris) left the network"
        reference   = "ISO/IEC 19794, ANSI/INCITS 378/381/385, ANSI/NIST-ITL 1, ICAO Doc 9303"
        confidence  = "high"
    condition:
        biometric_valid
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_fingerprint_image
{
    meta:
        severity    = "critical"
        category    = "biometric"
        description = "A WSQ stream left the network: the format holds nothing but fingerprints"
        reference   = "FBI IAFIS-IC-0110(V3.1)"
        confidence  = "high"
    condition:
        object_type == "wsq" and image_valid
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_face_embeddings
{
    meta:
        severity    = "critical"
        category    = "biometric"
        description = "Face embeddings (unit-norm vectors) left the network: templates, though they look like numbers"
        reference   = "ArcFace, FaceNet, dlib: 128 to 1024 numbers of length one; text models write such vectors too"
        confidence  = "medium"
    condition:
        embedding_count >= 2
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_face_embedding
{
    meta:
        severity    = "medium"
        category    = "biometric"
        description = "One embedding (a unit-norm vector) left the network: a query with a face, or with a text"
        reference   = "ArcFace, FaceNet, dlib: 128 to 1024 numbers of length one; text models write such vectors too"
        confidence  = "low"
    condition:
        embedding_count == 1
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}
