# SCP_CRYPTO: OpenSSL's libcrypto, for SHA-256.
AC_DEFUN([SCP_CRYPTO], [
SCP_FIND([CRYPTO], [crypto], [OpenSSL's libcrypto], [libcrypto], [-lcrypto])
SCP_LINK([CRYPTO], [libcrypto with SHA-256], [[#include <openssl/evp.h>]], [[return EVP_sha256() == NULL]],
    [], [SCP_MISSING([OpenSSL 1.1 or later (libcrypto)], [libssl-dev], [--with-crypto=DIR])])
])
