// Pictures that leave. A photograph pages someone; the decoration of a public web site does not:
// what tells them apart is size in pixels, a camera's EXIF block, and the number sent.

rule outbound_jpeg_photo
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG of photograph size left the network"
        reference   = "FORMATS: ITU-T T.81; 35x45 mm portraits are 413x531 at 300 dpi, plate overviews larger"
        confidence  = "high"
    condition:
        direction == "outbound" and object_type == "jpeg" and image_valid
        and image_width >= 200 and image_height >= 200
}

rule outbound_jpeg_camera
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG that names the camera that took it left the network"
        confidence  = "high"
    condition:
        direction == "outbound" and object_type == "jpeg" and image_valid and exif_present
        and (exif_make != "" or exif_model != "")
        and not (image_width >= 200 and image_height >= 200) // outbound_jpeg_photo says it then
}

rule outbound_jpeg_with_position
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG that carries the place it was taken left the network"
        confidence  = "high"
    condition:
        direction == "outbound" and object_type == "jpeg" and image_valid and exif_gps
}

rule outbound_jpeg_small_upload
{
    meta:
        severity    = "low"
        category    = "image"
        description = "A small JPEG was uploaded: plate crops are 100 to 300 pixels wide and 2 to 15 KB"
        confidence  = "medium"
    condition:
        direction == "outbound" and object_type == "jpeg" and image_valid
        and (image_width < 200 or image_height < 200) and image_width >= 60
        and object_size >= 1500 and method != "GET"
}

rule outbound_image_disguised
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A JPEG left the network under another format's name"
        confidence  = "high"
    condition:
        direction == "outbound" and object_type == "jpeg" and image_valid and type_mismatch
        and image_width >= 60 and image_height >= 60
}

rule outbound_jpeg_hidden
{
    meta:
        severity    = "high"
        category    = "image"
        description = "A photograph lay inside another object that left the network"
        confidence  = "high"
    condition:
        direction == "outbound" and object_type == "jpeg" and image_valid
        and container == "carve" and image_width >= 200 and image_height >= 200
}
