// Encrypted exfiltration: transfers nobody can read. What is known is how much left, to whom, how it was balanced, and
// what the handshake told. Flows (object_type == "flow") are asked about at each doubling of their outbound bytes from
// 64 KiB on, and at their end. Ordinary large uploads (backups, mail in the cloud) belong into the list of allowed
// receivers. What a server inside sent was fetched by a client outside; over TLS and QUIC a public web server is asked
// for much all day (opaque_bulk_served).

rule opaque_bulk_upload
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 50 MB left in one unreadable flow, ten times what came back"
        reference   = "A thousand photographs of 50 KB; calls and meetings send as much as they get"
        confidence  = "low"
    condition:
        object_type == "flow"
        and flow_bytes_out > 50MB and flow_bytes_out > flow_bytes_in * 10 and flow_bytes_out <= 1000MB
        and not ((app_proto == "tls" or app_proto == "quic") and sender_side == "server")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_bulk_served
{
    meta:
        severity    = "low"
        category    = "bulk"
        description = "A client outside fetched more than 50 MB over TLS or QUIC from a server inside"
        reference   = "A public server's downloads are such; so is an archive that was opened to the world"
        confidence  = "low"
    condition:
        object_type == "flow"
        and flow_bytes_out > 50MB and flow_bytes_out > flow_bytes_in * 10 and flow_bytes_out <= 1000MB
        and (app_proto == "tls" or app_proto == "quic") and sender_side == "server"
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_huge_upload
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "More than 1 GB left in one unreadable flow, ten times what came back"
        reference   = "Twenty thousand photographs of 50 KB"
        confidence  = "medium"
    condition:
        object_type == "flow"
        and flow_bytes_out > 1000MB and flow_bytes_out > flow_bytes_in * 10
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_ssh_upload
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "More than 20 MB left over SSH (scp, sftp, rsync, a tunnel), four times what came back"
        reference   = "RFC 4251; an administrator's typing stays far below"
        confidence  = "medium"
    condition:
        object_type == "flow" and app_proto == "ssh"
        and flow_bytes_out > 20MB and flow_bytes_out > flow_bytes_in * 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_quic_upload
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 20 MB left over QUIC to a host whose name was not seen"
        reference   = "RFC 9000; browsers name the host in their first packets"
        confidence  = "low"
    condition:
        object_type == "flow" and app_proto == "quic"
        and sender_side != "server" and hostname == "" and not midstream
        and flow_bytes_out > 20MB and flow_bytes_out > flow_bytes_in * 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_nameless_upload
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 5 MB left over TLS to a server the client did not name"
        reference   = "RFC 6066 section 3: browsers and clouds always send a server name, home-made tools often do not"
        confidence  = "medium"
    condition:
        object_type == "flow" and app_proto == "tls"
        and sender_side != "server" and tls_sni == "" and not midstream
        and flow_bytes_out > 5MB and flow_bytes_out > flow_bytes_in * 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_vpn_upload
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 20 MB left through a tunnel (WireGuard, OpenVPN, IPsec, DTLS), four times what came back"
        reference   = "RFC 4303, RFC 6347; the company's own tunnels belong into the list of allowed receivers"
        confidence  = "medium"
    condition:
        object_type == "flow"
        and (app_proto == "wireguard" or app_proto == "openvpn" or app_proto == "esp" or app_proto == "ike"
             or app_proto == "dtls")
        and flow_bytes_out > 20MB and flow_bytes_out > flow_bytes_in * 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_sustained_upload
{
    meta:
        severity    = "low"
        category    = "bulk"
        description = "More than 20 MB left in one unreadable flow in a single run of full packets, hardly answered"
        reference   = "A chat takes turns, a call has small packets and gets as much as it sends; a copied folder has neither"
        confidence  = "low"
    condition:
        object_type == "flow"
        and flow_burst_out > 20MB and flow_full_out >= 80 and flow_rate_out > 250KB and flow_bytes_out <= 50MB
        and sender_side != "server"
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_slow_upload
{
    meta:
        severity    = "low"
        category    = "bulk"
        description = "More than 5 MB dripped out over an hour or longer in one unreadable flow, a little every few seconds"
        reference   = "Whoever wants to stay below every limit sends slowly; telemetry may look alike"
        confidence  = "low"
    condition:
        object_type == "flow"
        and flow_seconds >= 3600 and flow_busy_seconds * 8 > flow_seconds and flow_peak_out < 64KB
        and flow_bytes_out > 5MB and flow_bytes_out > flow_bytes_in * 4
        and sender_side != "server"
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_self_signed_upload
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "More than 5 MB left over TLS to a server that vouches for itself"
        reference   = "Subject and issuer are one, or nDPI's risk 'Self-signed Cert'; in clear text in TLS 1.2 and older"
        confidence  = "medium"
    condition:
        object_type == "flow"
        and sender_side != "server"
        and (ndpi_risks icontains "self-signed" or (tls_subject != "" and tls_subject == tls_issuer))
        and flow_bytes_out > 5MB and flow_bytes_out > flow_bytes_in * 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_unknown_upload
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "More than 5 MB left by a protocol nobody knows, four times what came back"
        reference   = "What is no TLS, SSH or QUIC and still unreadable was made to be so, or is a product of one's own"
        confidence  = "medium"
    condition:
        object_type == "flow" and app_proto == "unknown"
        and flow_bytes_out > 5MB and flow_bytes_out > flow_bytes_in * 4
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_encrypted_blob
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "A megabyte or more of no known format left the network, as even as random numbers"
        reference   = "Encrypted bytes have 7.99 bits a byte, and no format but a private one lacks a head"
        confidence  = "low"
    condition:
        object_type == "data" and not image_fragment
        and entropy >= 7.95 and object_size >= 1MB and not (method == "GET" and sender_side == "server")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_encrypted_archive
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "An encrypted archive (ZIP, 7z, RAR) left the network"
        reference   = "APPNOTE 4.3.7 and 7.2.4, 7zFormat.txt, RAR technotes"
        confidence  = "medium"
    condition:
        encrypted_container and object_size < 20MB
        and (object_type == "zip" or object_type == "7z" or object_type == "rar")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_encrypted_archive_large
{
    meta:
        severity    = "high"
        category    = "bulk"
        description = "An encrypted archive of 20 MB or more left the network"
        reference   = "Four hundred photographs of 50 KB"
        confidence  = "medium"
    condition:
        encrypted_container and object_size >= 20MB
        and (object_type == "zip" or object_type == "7z" or object_type == "rar")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_encrypted_file
{
    meta:
        severity    = "medium"
        category    = "bulk"
        description = "A file that is nothing but encryption (LUKS, age, OpenPGP, S/MIME, openssl enc) left the network"
        reference   = "LUKS on-disk format, age-encryption.org/v1, RFC 4880, RFC 5652, openssl-enc(1); no short mails"
        confidence  = "medium"
    condition:
        encrypted_container
        and (object_type == "luks" or object_type == "openssl" or object_type == "age" or object_type == "pgp"
             or object_type == "cms")
        and not (app_proto == "smtp" and object_size < 100KB)
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}

rule opaque_encrypted_document
{
    meta:
        severity    = "low"
        category    = "bulk"
        description = "A document under a password left the network: invoices and statements are, and so is what hides"
        reference   = "ISO 32000-1 7.6, MS-OFFCRYPTO"
        confidence  = "low"
    condition:
        encrypted_container
        and (object_type == "pdf" or object_type == "ole")
        and direction == "outbound" and not receiver_allowed and not sender_allowed
}
