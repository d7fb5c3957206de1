/* What the procedures of NFS 3 (RFC 1813 3.3) and the operations of NFS 4 (RFC 7530 16, 8881 18, 7862 15, 8276 8) are
 * made of, in the letters of nfs_xdr.c. A call's format is of its arguments; a reply's begins with its status in
 * NFS 3 and with what follows a good status in NFS 4. Where nothing more is wanted a procedure's format ends early;
 * an operation's never does, as others come after it. */
#include "nfs.h"

#define SATTR3 "???utt"
#define IMPLEMENTATION "[ooli]"
#define CHANNEL "iiiiii[i]"

static const char *const nfs3[][2] = {
    [0] = {"", ""},           /* NULL */
    [1] = {"h", "G"},         /* GETATTR */
    [2] = {"h???u", "S"},     /* SETATTR */
    [3] = {"hn", "K"},        /* LOOKUP */
    [4] = {"h", "A"},         /* ACCESS */
    [5] = {"h", "A"},         /* READLINK */
    [6] = {"hLi", "R"},       /* READ */
    [7] = {"hLiiD", "W"},     /* WRITE */
    [8] = {"hnH", "C"},       /* CREATE */
    [9] = {"hn", "C"},        /* MKDIR */
    [10] = {"hn", "C"},       /* SYMLINK */
    [11] = {"hn", "C"},       /* MKNOD */
    [12] = {"hn", "I"},       /* REMOVE */
    [13] = {"hn", "I"},       /* RMDIR */
    [14] = {"hnhn", "I"},     /* RENAME */
    [15] = {"hhn", "I"},      /* LINK */
    [16] = {"h", "I"},        /* READDIR */
    [17] = {"h", "E"},        /* READDIRPLUS */
    [18] = {"h", "I"},        /* FSSTAT */
    [19] = {"h", "I"},        /* FSINFO */
    [20] = {"h", "I"},        /* PATHCONF */
    [21] = {"h", "M"},        /* COMMIT */
};

static const char *const nfs4[][2] = {
    [3] = {"i", "ii"},                                                    /* ACCESS */
    [4] = {"is", "s"},                                                    /* CLOSE */
    [5] = {"li", "l"},                                                    /* COMMIT */
    [6] = {"xnba", "illb"},                                               /* CREATE */
    [7] = {"l", ""},                                                      /* DELEGPURGE */
    [8] = {"s", ""},                                                      /* DELEGRETURN */
    [9] = {"b", "ba"},                                                    /* GETATTR */
    [10] = {"", "h"},                                                     /* GETFH */
    [11] = {"n", "ill"},                                                  /* LINK */
    [12] = {"iillk", "s"},                                                /* LOCK */
    [13] = {"illlo", ""},                                                 /* LOCKT */
    [14] = {"iisll", "s"},                                                /* LOCKU */
    [15] = {"n", ""},                                                     /* LOOKUP */
    [16] = {"", ""},                                                      /* LOOKUPP */
    [17] = {"ba", ""},                                                    /* NVERIFY */
    [18] = {"iIiloON", "sillibd"},                                        /* OPEN */
    [19] = {"i", ""},                                                     /* OPENATTR */
    [20] = {"si", "s"},                                                   /* OPEN_CONFIRM */
    [21] = {"siii", "s"},                                                 /* OPEN_DOWNGRADE */
    [22] = {"h", ""},                                                     /* PUTFH */
    [23] = {"", ""},                                                      /* PUTPUBFH */
    [24] = {"", ""},                                                      /* PUTROOTFH */
    [25] = {"sLi", "ID"},                                                 /* READ */
    [26] = {"lliib", "l{lnba}i"},                                         /* READDIR */
    [27] = {"", "o"},                                                     /* READLINK */
    [28] = {"n", "ill"},                                                  /* REMOVE */
    [29] = {"nn", "illill"},                                              /* RENAME */
    [30] = {"l", ""},                                                     /* RENEW */
    [31] = {"", ""},                                                      /* RESTOREFH */
    [32] = {"", ""},                                                      /* SAVEFH */
    [33] = {"n", "[3]"},                                                  /* SECINFO */
    [34] = {"sba", "b"},                                                  /* SETATTR */
    [35] = {"loiooi", "ll"},                                              /* SETCLIENTID */
    [36] = {"ll", ""},                                                    /* SETCLIENTID_CONFIRM */
    [37] = {"ba", ""},                                                    /* VERIFY */
    [38] = {"sLiD", "IIl"},                                               /* WRITE */
    [39] = {"lo", ""},                                                    /* RELEASE_LOCKOWNER */
    [40] = {"i[v]", ""},                                                  /* BACKCHANNEL_CTL */
    [41] = {"sii", "sii"},                                                /* BIND_CONN_TO_SESSION */
    [42] = {"loig" IMPLEMENTATION, "liieloo" IMPLEMENTATION},             /* EXCHANGE_ID */
    [43] = {"lii" CHANNEL CHANNEL "i[v]", "sii" CHANNEL CHANNEL},         /* CREATE_SESSION */
    [44] = {"s", ""},                                                     /* DESTROY_SESSION */
    [45] = {"s", ""},                                                     /* FREE_STATEID */
    [46] = {"iblilibb", "5"},                                             /* GET_DIR_DELEGATION */
    [47] = {"siib", "iob"},                                               /* GETDEVICEINFO */
    [48] = {"iill", "ll[s]i"},                                            /* GETDEVICELIST */
    [49] = {"llisjfio", "j"},                                             /* LAYOUTCOMMIT */
    [50] = {"iiilllsi", "is[lliIU]"},                                     /* LAYOUTGET */
    [51] = {"iiir", "4"},                                                 /* LAYOUTRETURN */
    [52] = {"i", "[3]"},                                                  /* SECINFO_NO_NAME */
    [53] = {"siiii", "siiiii"},                                           /* SEQUENCE */
    [54] = {"oo", "o"},                                                   /* SET_SSV */
    [55] = {"[s]", "[i]"},                                                /* TEST_STATEID */
    [56] = {"iN", "d"},                                                   /* WANT_DELEGATION */
    [57] = {"l", ""},                                                     /* DESTROY_CLIENTID */
    [58] = {"i", ""},                                                     /* RECLAIM_COMPLETE */
    [59] = {"sll", ""},                                                   /* ALLOCATE */
    [60] = {"sslllii[q]", "[s]lilii"},                                    /* COPY */
    [61] = {"sq", "lis[q]"},                                              /* COPY_NOTIFY */
    [62] = {"sll", ""},                                                   /* DEALLOCATE */
    [63] = {"sllb", "b"},                                                 /* IO_ADVISE */
    [64] = {"lls[sii]", ""},                                              /* LAYOUTERROR */
    [65] = {"llsllllsio", ""},                                            /* LAYOUTSTATS */
    [66] = {"s", ""},                                                     /* OFFLOAD_CANCEL */
    [67] = {"s", "l[i]"},                                                 /* OFFLOAD_STATUS */
    [68] = {"sLi", "I[J]"},                                               /* READ_PLUS */
    [69] = {"sli", "il"},                                                 /* SEEK */
    [70] = {"sillllilo", "[s]lil"},                                       /* WRITE_SAME */
    [71] = {"sslll", ""},                                                 /* CLONE */
    [72] = {"o", "o"},                                                    /* GETXATTR */
    [73] = {"ioo", "ill"},                                                /* SETXATTR */
    [74] = {"li", "l[o]i"},                                               /* LISTXATTRS */
    [75] = {"o", "ill"},                                                  /* REMOVEXATTR */
};

const char *nfs3_format(uint32_t procedure, bool reply)
{
    return procedure < sizeof(nfs3) / sizeof(nfs3[0]) ? nfs3[procedure][reply] : NULL;
}

const char *nfs4_format(uint32_t operation, bool reply)
{
    return operation < sizeof(nfs4) / sizeof(nfs4[0]) ? nfs4[operation][reply] : NULL;
}

/* Arms are listed from value 0 on; what comes after the last has `other`, and NULL cannot be. */
struct branch {
    char letter;
    const char *arm[7];
    const char *other;
};

const char *nfs_branch(char letter, uint32_t value)
{
    static const struct branch branches[] = {
        {'?', {"", "i"}, NULL},                                      /* optional word */
        {'u', {"", "z"}, NULL},                                      /* optional size */
        {'y', {"", "h"}, NULL},                                      /* optional handle */
        {'p', {"", "F"}, NULL},                                      /* post_op_attr */
        {'w', {"", "lll"}, NULL},                                    /* pre_op_attr */
        {'t', {"", "", "l"}, NULL},                                  /* set_atime, set_mtime */
        {'H', {SATTR3, SATTR3, "l"}, NULL},                          /* createhow3 */
        {'B', {"ioI"}, ""},                                          /* reply_stat */
        {'Y', {"h"}, ""},                                            /* replies: MNT */
        {'G', {"F"}, ""},                                            /* GETATTR */
        {'S', {"wp"}, "wp"},                                         /* SETATTR */
        {'K', {"hpp"}, "p"},                                         /* LOOKUP */
        {'A', {"p"}, "p"},                                           /* ACCESS, READLINK */
        {'R', {"pIID"}, "p"},                                        /* READ */
        {'W', {"wpIIl"}, "wp"},                                      /* WRITE */
        {'C', {"ypwp"}, "wp"},                                       /* CREATE, MKDIR, SYMLINK, MKNOD */
        {'M', {"wpl"}, "wp"},                                        /* COMMIT */
        {'E', {"pl{lnlpy}i"}, "p"},                                  /* READDIRPLUS */
        {'O', {"", "V"}, NULL},                                      /* openflag4 */
        {'V', {"ba", "ba", "l", "lba"}, NULL},                       /* createhow4 */
        {'N', {"n", "i", "sn", "n", "", "s", ""}, NULL},             /* open_claim4, deleg_claim4 */
        {'x', {"", "", "", "l", "l", "o"}, ""},                      /* createtype4 */
        {'k', {"si", "isilo"}, NULL},                                /* locker4 */
        {'v', {"", "ioii[i]", NULL, NULL, NULL, NULL, "ioo"}, NULL}, /* callback_sec_parms4 */
        {'g', {"", "bb", "bb[o][o]ii"}, NULL},                       /* state_protect4_a */
        {'e', {"", "bb", "bbiiii[o]"}, NULL},                        /* state_protect4_r */
        {'j', {"", "l"}, NULL},                                      /* newoffset4, newsize4 */
        {'f', {"", "li"}, NULL},                                     /* newtime4 */
        {'r', {"", "llso"}, ""},                                     /* layoutreturn4 */
        {'q', {NULL, "o", "o", "oo"}, NULL},                         /* netloc4 */
        {'d', {"", "siiiio", "si1iiio", "2"}, NULL},                 /* open_delegation4 */
        {'1', {NULL, "l", "ii"}, NULL},                              /* nfs_space_limit4 */
        {'2', {"", "i", "i"}, ""},                                   /* open_none_delegation4 */
        {'3', {"", "", "", "", "", "", "oii"}, ""},                  /* secinfo4 */
        {'4', {"", "s"}, NULL},                                      /* layoutreturn_stateid */
        {'5', {"lsbbb", "i"}, NULL},                                 /* GET_DIR_DELEGATION4res_non_fatal */
        {'J', {"LD", "ll"}, NULL},                                   /* read_plus_content */
    };
    for (size_t i = 0; i < sizeof(branches) / sizeof(branches[0]); i++) {
        if (branches[i].letter == letter)
            return value < 7 && branches[i].arm[value] ? branches[i].arm[value] : branches[i].other;
    }
    return NULL;
}
