"""make_wheel.py LIBRARY VERSION FOLDER: a wheel of the binding with the shared library in it (which needs the distribution's libraries, as the
program does). A wheel is a zip with a list of what is in it; nothing else is needed to make one."""
import base64, hashlib, os, sys, sysconfig, zipfile

library, version, folder = sys.argv[1:4]
here = os.path.dirname(os.path.abspath(__file__))
tag = 'py3-none-' + sysconfig.get_platform().replace('-', '_').replace('.', '_')
info = f'understudy-{version}.dist-info'
files = {'understudy/__init__.py': open(f'{here}/understudy/__init__.py', 'rb').read(), 'understudy/libunderstudy.so': open(library, 'rb').read(),
         f'{info}/METADATA': f'Metadata-Version: 2.1\nName: understudy\nVersion: {version}\nSummary: Characters to talk to, on the CPU\nLicense: Apache-2.0\nRequires-Python: >=3.8\n'.encode(),
         f'{info}/WHEEL': f'Wheel-Version: 1.0\nGenerator: make_wheel.py\nRoot-Is-Purelib: false\nTag: {tag}\n'.encode()}
record = ''.join(f'{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(d).digest()).rstrip(b"=").decode()},{len(d)}\n' for n, d in files.items())
files[f'{info}/RECORD'] = (record + f'{info}/RECORD,,\n').encode()
os.makedirs(folder, exist_ok=True)
path = f'{folder}/understudy-{version}-{tag}.whl'
with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items():
        z.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
print(path)
