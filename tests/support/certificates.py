"""Certificates for one test: an authority, a server signed by it, clients, and bad ones. Made with openssl, kept in a folder of the test."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


class Authority:
    """Signs certificates; each is a pair of files (certificate, key)."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.certificate = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.certificate)

    def sign(self, file, subject="/CN=localhost", names="DNS:localhost,IP:127.0.0.1", days=2, expired=False, password=None):
        certificate, key, request, extra = (self.folder / f"{file}.{end}" for end in ("pem", "key", "csr", "ext"))
        encryption = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *encryption, "-subj", subject, "-keyout", key, "-out",
                request)
        extra.write_text(f"subjectAltName={names}\n")
        # A certificate of a day that is long over: openssl x509 knows no dates, but openssl ca does.
        if expired:
            self.sign_in_the_past(request, extra, certificate)
        else:
            openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", days, "-extfile",
                    extra, "-out", certificate)
        key.chmod(0o600)
        return certificate, key

    def sign_in_the_past(self, request, extra, certificate):
        for name, text in (("index.txt", ""), ("serial", "01\n")):
            (self.folder / name).write_text(text)
        settings = self.folder / "ca.cnf"
        settings.write_text(f"[ca]\ndefault_ca=own\n[own]\ndatabase={self.folder}/index.txt\nserial={self.folder}/serial\n"
                            f"new_certs_dir={self.folder}\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n")
        openssl("ca", "-batch", "-config", settings, "-in", request, "-cert", self.certificate, "-keyfile", self.key, "-startdate",
                "20200101000000Z", "-enddate", "20200102000000Z", "-extfile", extra, "-notext", "-out", certificate)
