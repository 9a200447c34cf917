"""Web pages, Markdown, plain text, CSV, RTF and mail that are deep, endless or not what they say.

Each function gives (name, bytes, heavy) as in pdf_files.py.
"""
from seeds import SENTENCE, n, seed_eml, seed_html

S = SENTENCE.encode()


def html():
    p = b"<p>" + S
    for tag in (b"div", b"b", b"ul><li", b"blockquote", b"table><tr><td", b"font", b"span", b"form", b"svg", b"math",
                b"template", b"a href=x", b"section", b"dl><dd", b"select><option", b"button", b"noscript"):
        name = tag.split(b">")[0].split(b" ")[0].decode()
        yield f"nested-{name}.html", b"<" + b"><".join([tag] * n(5000)) + b">" + p, False
    yield "nested-million-div.html", b"<div>" * n(1000000) + p, False
    yield "nested-million-mixed.html", lambda: b"<div><ul><li><b>" * n(250000) + p, True
    yield "nested-closed.html", b"<div>" * n(200000) + p + b"</div>" * n(200000), False
    yield "closed-never-opened.html", b"</div>" * n(1000000) + p, False
    yield "many-headings.html", lambda: b"<h1>a</h1>" * n(200000), True
    yield "many-attributes.html", b"<p " + b"".join(b"a%d=b " % i for i in range(n(100000))) + b">" + p, False
    yield "same-attribute.html", b"<p " + b"a=b " * n(300000) + b">" + p, False
    yield "attribute-huge.html", b"<p title='" + b"x" * n(20000000) + b"'>" + p, False
    yield "text-node-huge.html", lambda: b"<p>" + b"word " * n(4000000) + b"</p>", True
    yield "one-word-huge.html", lambda: b"<p>" + b"w" * n(12000000) + b"</p>", True
    yield "entities.html", b"<p>" + b"&eacute;&#x1F600;&bogus;&#99999999;&#0;" * n(100000), False
    yield "comment-open.html", p + b"<!--" + b"-" * n(5000000), False
    yield "script-open.html", p + b"<script>" + b"x" * n(5000000), False
    yield "title-open.html", b"<title>" + b"t" * n(5000000), False
    yield "plaintext.html", p + b"<plaintext>" + b"</p>x " * n(500000), False
    yield "cdata.html", b"<html>" + p + b"<![CDATA[" + b"]]" * n(500000), False
    yield "doctype-open.html", b"<!DOCTYPE html [" + b"<!ENTITY a 'b'>" * n(50000), False
    yield "spans-huge.html", b"<table><tr>" + b"<td colspan=1000000000 rowspan=1000000000>a" * 500 + b"</table>", False
    yield "rows-many.html", lambda: b"<table>" + b"<tr><td>a<td>b<td>3" * n(100000) + b"</table>", True
    yield "cells-many.html", lambda: b"<table><tr>" + b"<td>a" * n(300000) + b"</table>", True
    yield "tables-in-tables.html", b"<table><tr><td>" * n(50000) + p, False
    yield "laughs.html", (b'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 99 +
                          b'"><!ENTITY c "' + b"&b;" * 99 + b'">]><html><body><p>&c;&c;</p></body></html>'), False
    yield "outside.html", (b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>&x;</p>'
                           b"<iframe src=file:///etc/passwd></iframe><object data=file:///etc/passwd></object>"
                           b"<base href=file:///><link rel=import href=x></body></html>"), False
    yield "picture.svg", (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                          b'<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'), False
    yield "nul.html", b"<p>a\0b\0c" + S + b"\0" * n(5000), False
    yield "utf7.html", b"<meta charset=utf-7><p>+ADw-script+AD4-" + S, False
    yield "utf16-said.html", b"<meta charset=utf-16><p>" + S, False
    yield "utf16-is.html", ("<p>" + SENTENCE).encode("utf-16-le"), False
    yield "utf16-other-bom.html", b"\xfe\xff" + ("<p>" + SENTENCE).encode("utf-16-le"), False
    yield "charset-unknown.html", b"<meta charset=x-none><p>" + S + b"\xff\xfe\x80", False
    yield "charset-twice.html", b"<meta charset=shift_jis><meta charset=koi8-r><p>" + bytes(range(128, 256)) * 50, False
    yield "tag-huge.html", b"<" + b"a" * n(5000000) + b">" + p, False
    yield "less-than.html", b"<" * n(1000000) + S, False
    yield "line-ends.html", (b"<pre>" + b"\r\n\n\r" * n(500000) + S), False


def markdown():
    yield "quotes-million.md", b">" * n(1000000) + b" " + S, False
    yield "quotes-spaced.md", b"> " * n(200000) + S, False
    yield "lists-deep.md", b"".join(b" " * (2 * i) + b"- a\n" for i in range(n(3000))), False
    yield "lists-million-line.md", b"- " * n(1000000) + S, False
    yield "lists-numbered.md", b"1. " * n(500000) + S, False
    yield "stars-million.md", b"*" * n(1000000) + S, False
    yield "stars-pairs.md", b"*a **b " * n(300000), False
    yield "underscores.md", b"_a__" * n(300000), False
    yield "brackets-million.md", b"[" * n(1000000) + S + b"]" * n(1000000), False
    yield "links-nested.md", b"[a](" * n(200000) + S, False
    yield "images-nested.md", b"![" * n(300000) + b"](" * n(300000), False
    yield "backticks.md", b" ".join(b"`" * (i % 2000) for i in range(n(6000))), False
    yield "fences.md", b"".join(b"`" * (3 + i % 50) + b"\n" for i in range(n(100000))), False
    yield "fence-open.md", lambda: b"```\n" + b"code\n" * n(500000), True
    yield "references.md", b"".join(b"[a%d]: [a%d]\n" % (i, i + 1) for i in range(n(100000))) + b"[a0][a0]", False
    yield "hashes.md", b"#" * n(1000000) + b" " + S, False
    yield "rules.md", b"---\n" * n(300000), False
    yield "setext.md", lambda: (b"a\n===\n" * n(200000)), True
    yield "table-wide.md", b"|a" * n(200000) + b"|\n" + b"|-" * n(200000) + b"|\n" + b"|1" * n(200000) + b"|\n", False
    yield "table-long.md", lambda: b"|a|b|\n|-|-|\n" + b"|1|2|\n" * n(200000), True
    yield "html-inside.md", b"<div>" * n(300000) + S, False
    yield "autolinks.md", b"<http://" * n(200000), False
    yield "escapes.md", b"\\" * n(1000000), False
    yield "entities.md", b"&amp" * n(300000), False
    yield "front-open.md", b"---\n" + b"a: b\n" * n(300000), False
    yield "front-laughs.md", (b"---\na: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(12)) + b"---\n" + S), False
    yield "tabs.md", b"\t" * n(1000000) + S, False
    yield "footnotes.md", b"[^a]: " * n(200000), False


def plain():
    yield "one-line.txt", lambda: b"word " * n(8000000), True
    yield "one-word.txt", lambda: b"w" * n(20000000), True
    yield "lines-many.txt", lambda: b"a\n" * n(3000000), True
    yield "empty-lines.txt", b"\n" * n(20000000) + S, False
    yield "form-feeds.txt", b"a\f" * n(300000), False
    yield "nul.txt", b"\0" * n(100000), False
    yield "nul-inside.txt", S * 100 + b"\0" + S * 100, False
    yield "control.txt", bytes(range(1, 32)) * n(10000), False
    yield "bom-only.txt", b"\xef\xbb\xbf", False
    yield "bom-many.txt", b"\xef\xbb\xbf" * n(100000) + S, False
    yield "utf16-odd.txt", b"\xff\xfe" + SENTENCE.encode("utf-16-le") + b"a", False
    yield "utf16-surrogates.txt", b"\xff\xfe" + b"\x00\xd8" * n(5000), False
    yield "utf32.txt", b"\xff\xfe\0\0" + SENTENCE.encode("utf-32-le"), False
    yield "utf8-broken.txt", b"\xc3\x28\xa0\xa1\xe2\x28\xa1\xf0\x28\x8c\xbc\xf8\xa1" * n(20000), False
    yield "utf8-overlong.txt", b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf" * n(20000), False
    yield "utf7.txt", b"+ADw-p+AD4- " * n(10000), False
    yield "right-to-left.txt", ("\u202e" * 1000 + SENTENCE + "\u202d\u2066\u2069" * 1000).encode(), False
    yield "marks.txt", ("e" + "\u0301" * n(500000)).encode(), False
    yield "hangul.txt", lambda: ("\u1100\u1161\u11a8" * n(200000)).encode(), True
    yield "spaces.txt", b" " * n(20000000) + S, False
    yield "escape-codes.txt", b"\x1b[31m\x1b]0;x\x07" * n(10000) + S, False
    yield "rules.txt", b"=====\n-----\n" * n(200000), False
    yield "bullets.txt", lambda: b"- a\n  - b\n    - c\n" * n(100000), True
    yield "binary.txt", bytes((i * n(7919)) % 256 for i in range(n(300000))), False
    yield "program.txt", b"\x7fELF\2\1\1" + b"\0" * n(5000), False
    yield "noname", S * 50, False
    yield "README", b"\x80\x81\x82" * 500, False


def tables():
    yield "columns-million.csv", b"a," * n(1000000) + b"b\n" + b"1," * n(1000000) + b"2\n", False
    yield "rows-many.csv", lambda: b"a,b,c\n" + b"1,2,3\n" * n(300000), True
    yield "quote-open.csv", b'a,b\n1,"' + b"x,y\n" * n(500000), False
    yield "quotes.csv", b'""""""""' * n(300000), False
    yield "field-huge.csv", lambda: b'a,"' + b"word " * n(3000000) + b'"\n', True
    yield "ragged.csv", lambda: b"".join(b"x," * (i % 997) + b"\n" for i in range(n(3000))), True
    yield "utf16.csv", "a,b\n1,2\n".encode("utf-16"), False
    yield "nul.csv", b"a,\0,b\n" * 1000, False
    yield "empty-cells.csv", b"," * n(1000000) + b"\n", False
    yield "lines-empty.csv", b"a,b\n" + b"\n" * n(1000000), False
    yield "separators.csv", b"a;b,c\td|e\n" * n(10000), False
    yield "formula.csv", b'a,b\n=cmd|"/c calc"!A0,@SUM(1)\n', False
    yield "tabs.tsv", b"a\t" * n(300000) + b"\n", False


def rtf():
    head = b"{\\rtf1\\ansi "
    yield "groups-million.rtf", head + b"{" * n(1000000) + S, False
    yield "groups-closed.rtf", head + b"{" * n(300000) + S + b"}" * n(300000) + b"}", False
    yield "closed-too-often.rtf", head + S + b"}" * n(1000000), False
    yield "bin-huge.rtf", head + b"\\bin2147483647 " + S, False
    yield "bin-negative.rtf", head + b"\\bin-5 " + S + b"}", False
    yield "numbers-huge.rtf", head + b"\\u99999999999\\uc99999999 \\fs-999999999999 " + S + b"}", False
    yield "unicode-half.rtf", head + b"\\u55357?\\u-9999?\\u56832?" * n(10000) + b"}", False
    yield "hex-broken.rtf", head + b"\\'zz\\'" * n(100000) + b"}", False
    yield "word-long.rtf", head + b"\\" + b"a" * n(5000000) + b" " + S + b"}", False
    yield "picture-huge.rtf", head + b"{\\pict\\pngblip " + b"ff" * n(5000000) + b"}" + S + b"}", False
    yield "object.rtf", head + b"{\\object\\objocx{\\*\\objdata " + b"d0cf11e0" * n(9999) + b"}}" + S + b"}", False
    yield "fields-nested.rtf", head + b"{\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt " * n(20000) + S, False
    yield "tables-nested.rtf", head + b"\\trowd\\itap9999\\nestcell" * n(50000) + S + b"}", False
    yield "cells-many.rtf", head + b"\\trowd" + b"\\cellx1" * n(100000) + b" a\\cell" * n(100000) + b"\\row}", False
    yield "paragraphs.rtf", lambda: head + b"a\\par " * n(300000) + b"}", True
    yield "code-page.rtf", b"{\\rtf1\\ansicpg99999\\ansi \\'e9\\'80" + S + b"}", False
    yield "open-only.rtf", b"{\\rtf", False


def mail():
    head = b"From: a@example.org\r\nSubject: Trees\r\nMIME-Version: 1.0\r\n"
    deep = head + b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i)
                           for i in range(n(5000))) + b"\r\n" + S
    yield "multipart-deep.eml", deep, False
    yield "multipart-same.eml", head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + (
        b'--b\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' * n(20000)) + S, False
    yield "multipart-many.eml", lambda: head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + (
        b"--b\r\n\r\npart\r\n" * n(50000)) + b"--b--\r\n", True
    yield "boundary-empty.eml", head + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n' + b"--\r\n\r\na\r\n" * n(20000), False
    yield "boundary-none.eml", head + b"Content-Type: multipart/mixed\r\n\r\n" + S, False
    yield "boundary-long.eml", head + b'Content-Type: multipart/mixed; boundary="' + b"b" * n(1000000) + b'"\r\n\r\n' + S, False
    yield "headers-endless.eml", head + b"X-A: b\r\n" * n(1000000), False
    yield "header-huge.eml", head + b"X-A: " + b"b" * n(20000000) + b"\r\n\r\n" + S, False
    yield "header-folded.eml", head + b"X-A: b\r\n" + b" c\r\n" * n(1000000) + b"\r\n" + S, False
    yield "words-encoded.eml", b"From: a@b\r\nSubject: " + b"=?utf-8?B?w6k=?= " * n(100000) + b"\r\n\r\n" + S, False
    yield "words-broken.eml", b"From: a@b\r\nSubject: =?x-none?Q?=FF=?= =?utf-8?B?!!!?= =?=?=?\r\n\r\n" + S, False
    yield "base64-broken.eml", head + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A=B!*" * n(100000), False
    yield "quoted-broken.eml", head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=G=\r=ZZ" * n(100000), False
    yield "uuencode.eml", head + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 ../../x\r\n" + b"M" * n(99999), False
    nested = S
    for _ in range(200):
        nested = b"Content-Type: message/rfc822\r\n\r\n" + nested
    yield "message-deep.eml", head + nested, False
    yield "attachment-path.eml", seed_eml().replace(b'filename="a.html"', b'filename="../../../../tmp/x.html"'), False
    yield "attachment-nul.eml", seed_eml().replace(b'filename="a.html"', b'filename="a\0/etc/passwd"'), False
    yield "charset-none.eml", seed_eml().replace(b"charset=utf-8", b"charset=" + b"x" * n(5000)), False
    yield "parameters.eml", head + b"Content-Type: text/plain" + b"; a=b" * n(300000) + b"\r\n\r\n" + S, False
    yield "comments.eml", b"From: " + b"(" * n(1000000) + b"\r\nSubject: a\r\n\r\n" + S, False
    yield "nul.eml", head + b"X: \0\r\n\r\n" + b"\0" * n(5000) + S, False
    yield "headers-only.eml", head, False
    yield "many.mbox", lambda: (b"From a@b Wed Jan  1 00:00:00 2020\nSubject: a\n\nbody\n\n" * n(50000)), True
    yield "from-inside.mbox", lambda: b"From a@b Wed Jan  1 00:00:00 2020\nSubject: a\n\n" + b"From the garden\n" * n(100000), True
    yield "from-only.mbox", b"From " * n(300000), False
    yield "related-loop.mhtml", (head + b'Content-Type: multipart/related; boundary="m"; start="<a>"\r\n\r\n--m\r\n'
                                 b"Content-ID: <a>\r\nContent-Type: text/html\r\n\r\n<iframe src=cid:a>" +
                                 seed_html() + b"\r\n--m--\r\n"), False
    yield "related-none.mhtml", head + b'Content-Type: multipart/related; boundary="m"\r\n\r\n--m--\r\n', False


def files():
    for part in (html, markdown, plain, tables, rtf, mail):
        yield from part()
