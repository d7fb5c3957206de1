// Pictures that leave. A photograph pages someone; the decoration of a public web site or of a document does not.
// What tells them apart: pixels, shape, the mark of a camera, and who asked. A picture without a camera's mark that a
// web server hands out (method "GET", sender_side "server") or that stands in a document (container "carve" or "zip")
// is taken for decoration when it is smaller than a stored portrait (240x320, Doc 9303) or a banner (5:2 and longer).

rule outbound_jpeg_photo
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG of photograph size left the network"
        reference   = "ITU-T T.81; 35x45 mm portraits are 413x531 at 300 dpi, plate overviews larger"
        confidence  = "high"
    condition:
        object_type == "jpeg" and image_valid and container != "carve"
        and image_width >= 200 and image_height >= 200
        and not ((method == "GET" and sender_side == "server" or container == "zip")
            and exif_make == "" and exif_model == ""
            and (image_width * image_height < 240 * 320
                or image_width * 2 >= image_height * 5 or image_height * 2 >= image_width * 5))
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_jpeg_hidden
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A photograph lay inside another object (a document, a private format) that left the network"
        reference   = "ISO 32000-1 7.4.8: PDF keeps JPEGs as they are; data in front of one hides it from file readers"
        confidence  = "medium"
    condition:
        object_type == "jpeg" and image_valid and container == "carve"
        and image_width >= 200 and image_height >= 200
        and not (exif_make == "" and exif_model == ""
            and (image_width * image_height < 240 * 320
                or image_width * 2 >= image_height * 5 or image_height * 2 >= image_width * 5))
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_jpeg_camera
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A small JPEG that names the camera that took it left the network"
        reference   = "EXIF 2.32 tags 0x010F and 0x0110; plate readers and booking cameras write them into crops too"
        confidence  = "high"
    condition:
        object_type == "jpeg" and image_valid and exif_present
        and (exif_make != "" or exif_model != "") and not (method == "GET" and sender_side == "server")
        and not (image_width >= 200 and image_height >= 200) // outbound_jpeg_photo says it then
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_jpeg_with_position
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG that carries the place it was taken left the network"
        reference   = "EXIF 2.32, GPS IFD: where a camera stands is worth as much as what it saw"
        confidence  = "high"
    condition:
        object_type == "jpeg" and image_valid and exif_gps
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_jpeg_small_upload
{
    meta:
        severity    = "low"
        category    = "image"
        description = "A small JPEG was uploaded: plate crops are 100 to 300 pixels wide and 2 to 15 KB"
        reference   = "Many of them are bulk_small_images; mail is left out here: signatures carry logos"
        confidence  = "medium"
    condition:
        object_type == "jpeg" and image_valid
        and (image_width < 200 or image_height < 200) and image_width >= 60 and image_width != image_height
        and object_size >= 1500 and not (method == "GET" and sender_side == "server") and app_proto != "smtp"
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_face_chip
{
    meta:
        severity    = "medium"
        category    = "image"
        description = "A small square image was uploaded: faces are cut to 112 or 160 pixels before they are compared"
        reference   = "ArcFace takes 112x112, FaceNet 160x160; so are avatars made, and icons are smaller"
        confidence  = "low"
    condition:
        image_valid and image_width >= 96 and image_width < 200 and image_width == image_height
        and (object_type == "jpeg" or object_type == "webp" or (object_type == "png" and object_size >= 8KB))
        and object_size >= 1500 and not (method == "GET" and sender_side == "server") and app_proto != "smtp"
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_image_disguised
{
    meta:
        severity    = "high"
        category    = "image"
        description = "An image left the network under another format's name"
        reference   = "declared_type is the sender's word, object_type what the bytes prove"
        confidence  = "high"
    condition:
        image_valid and type_mismatch and image_width >= 60 and image_height >= 60
        and not (declared_type startswith "image/"
            and (method == "GET" and sender_side == "server" or object_type != "jpeg"))
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_photo_other_format
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A photograph in HEIC, AVIF, WebP, JPEG XL, TIFF or BMP left the network"
        reference   = "ISO/IEC 23008-12 (telephones), 18181; TIFF and BMP are what scanners and frame grabbers write"
        confidence  = "medium"
    condition:
        image_valid and image_width >= 200 and image_height >= 200
        and (object_type == "heic" or object_type == "avif" or object_type == "webp" or object_type == "jxl"
            or object_type == "tiff" or object_type == "bmp")
        and not ((method == "GET" and sender_side == "server" or container == "zip" or container == "carve")
            and exif_make == "" and exif_model == ""
            and (image_width * image_height < 240 * 320
                or image_width * 2 >= image_height * 5 or image_height * 2 >= image_width * 5))
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_jpeg2000
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG 2000 image left the network: passport chips keep faces in it, and offices hardly use it"
        reference   = "ICAO Doc 9303 part 10 (DG2), ISO/IEC 15444-1, ANSI/NIST-ITL 1 (fingerprints at 1000 ppi)"
        confidence  = "medium"
    condition:
        (object_type == "jp2" or object_type == "j2k") and image_valid
        and image_width >= 100 and image_height >= 100
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_png_photo
{
    meta:
        severity    = "medium"
        category    = "image"
        description = "A PNG that compresses as badly as photographs do left the network"
        reference   = "PNG keeps a photograph at 1.2 bytes a pixel and more (0.4 in grey), a screen at a tenth of that"
        confidence  = "medium"
    condition:
        object_type == "png" and image_valid and image_width >= 200 and image_height >= 200
        and image_width * image_height >= 240 * 320
        and (object_size >= image_width * image_height
            or (image_components == 1 and object_size * 3 >= image_width * image_height))
        and not (method == "GET" and sender_side == "server"
            and (image_width * 2 >= image_height * 5 or image_height * 2 >= image_width * 5))
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_image_sequence
{
    meta:
        severity    = "high"
        category    = "image"
        description = "Four or more JPEGs stood one after another in one object: a camera's stream, or joined files"
        reference   = "CIPA DC-007 files of telephones hold two or three; Motion JPEG holds one for each frame"
        confidence  = "high"
    condition:
        object_type == "jpeg" and image_count >= 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_image_fragment
{
    meta:
        severity    = "medium"
        category    = "image"
        description = "JPEG data without its beginning left the network: a part of a picture, the rest by another way"
        reference   = "ITU-T T.81 B.1.1.5: a stuffed zero behind every FF is hardly an accident over 32 KiB"
        confidence  = "medium"
    condition:
        image_fragment and not biometric_valid // a record's picture is the record's
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_image_bomb
{
    meta:
        severity    = "medium"
        category    = "image"
        description = "A picture left whose header asks for half a gigapixel and more: to hide it, or to harm who opens it"
        reference   = "image_bomb: such a picture is refused, image_valid is false and no other image rule holds for it"
        confidence  = "medium"
    condition:
        image_bomb and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_video
{
    meta:
        severity    = "medium"
        category    = "image"
        description = "A film of a megabyte or more was sent out: what a lane's or a gate's camera records"
        reference   = "ISO/IEC 14496-12 (MP4), Matroska, AVI; films of a web site go out as answers and are left aside"
        confidence  = "medium"
    condition:
        (object_type == "mp4" or object_type == "matroska" or object_type == "avi") and object_size >= 1MB
        and not (method == "GET" and sender_side == "server")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule outbound_registered_image
{
    meta:
        severity    = "critical"
        category    = "image"
        description = "An image of the registry left the network, as it is or changed"
        reference   = "dlp-sensor registry build; registry_distance is 0 for an exact copy"
        confidence  = "high"
    condition:
        registry_match
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}
