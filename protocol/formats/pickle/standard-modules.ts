/**
 * What comes with Python itself, by the first part of a module's name: `sys.stdlib_module_names` of
 * Python 3.11, what Python 2 had besides, and the tools that install packages. A class of these can be
 * found on any machine that opens a pickle, and no network's classes are among them.
 */
export const STANDARD_MODULES: ReadonlySet<string> = new Set(
  `
  BaseHTTPServer CGIHTTPServer Cookie HTMLParser Queue SimpleHTTPServer SocketServer StringIO
  UserDict UserList __builtin__ __future__ _abc _aix_support _ast _asyncio _bisect _blake2
  _bootsubprocess _bz2 _codecs _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr
  _codecs_tw _collections _collections_abc _compat_pickle _compression _contextvars _crypt _csv
  _ctypes _curses _curses_panel _datetime _dbm _decimal _distutils_hack _elementtree
  _frozen_importlib _frozen_importlib_external _functools _gdbm _hashlib _heapq _imp _io _json
  _locale _lsprof _lzma _markupbase _md5 _msi _multibytecodec _multiprocessing _opcode _operator
  _osx_support _overlapped _pickle _posixshmem _posixsubprocess _py_abc _pydecimal _pyio _queue
  _random _scproxy _sha1 _sha256 _sha3 _sha512 _signal _sitebuiltins _socket _sqlite3 _sre _ssl
  _stat _statistics _string _strptime _struct _symtable _thread _threading_local _tkinter
  _tokenize _tracemalloc _typing _uuid _warnings _weakref _weakrefset _winapi _winreg _zoneinfo
  abc aifc antigravity anydbm argparse array ast asynchat asyncio asyncore atexit audioop base64
  bdb binascii bisect builtins bz2 cPickle cProfile cStringIO calendar cgi cgitb chunk cmath cmd
  code codecs codeop collections colorsys commands compileall compiler concurrent configparser
  contextlib contextvars cookielib copy copy_reg copyreg crypt csv ctypes curses dataclasses
  datetime dbm decimal difflib dircache dis distutils doctest dummy_thread email encodings
  ensurepip enum errno exceptions faulthandler fcntl filecmp fileinput fnmatch fractions ftplib
  functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html
  http httplib idlelib ihooks imaplib imghdr imp importlib imputil inspect io ipaddress itertools
  json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap
  modulefinder msilib msvcrt multiprocessing netrc new nis nntplib nt ntpath nturl2path numbers
  opcode operator optparse os os2emxpath ossaudiodev pathlib pdb pickle pickletools pip pipes
  pkg_resources pkgutil platform plistlib popen2 poplib posix posixpath pprint profile pstats pty
  pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource
  rexec rlcompleter runpy sched secrets select selectors sets setuptools sgmllib shelve shlex
  shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile
  sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable
  sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this thread threading
  time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo
  types typing unicodedata unittest urllib urllib2 urlparse user uu uuid venv warnings wave
  weakref webbrowser wheel whichdb winreg winsound wsgiref xdrlib xml xmlrpc xmlrpclib zipapp
  zipfile zipimport zlib zoneinfo
`.match(/\S+/g),
);
