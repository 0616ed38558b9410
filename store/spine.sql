-- SPDX-License-Identifier: Apache-2.0
-- The tables that are no kind's. A kind's own table is made at its first row: nvidia_xid_ holds the
-- typed fields, the view nvidia_xid joins them with the spine. Times are nanoseconds: raw_* as the
-- source printed them (clock 0 none, 1 UTC, 2 local, 3 boot; flags 1 no year, 2 no date), the others UTC.
-- NULL is, of an observation, onset and last where they are time, raw where it is time, and raw_last where it is as long behind raw as
-- last is behind time; of a template raw_first and raw_last where they are first and last, all of its last line where n is 1, specimen where it is text.
-- text_of: the row of which the text is this one's, too.
-- section.path is NULL where it is the member's name. interest: the patterns that were met. searched: a hash of five bytes for
-- each pattern that was looked for, in order. row_: the columns that all kinds' views share.
-- copy: NULL, or the id of the row of which this is a copy from another file; -1 outside the window.

CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE kind(id INTEGER PRIMARY KEY, name TEXT, version INTEGER);
CREATE TABLE interest(id INTEGER PRIMARY KEY, name TEXT, pattern INTEGER);
CREATE TABLE searched(hashes BLOB);
CREATE TABLE member(id INTEGER PRIMARY KEY, name TEXT, mtime INTEGER, bytes INTEGER, lines INTEGER, read_as TEXT, host INTEGER, first INTEGER, last INTEGER);
CREATE TABLE section(id INTEGER PRIMARY KEY, member INTEGER, parser TEXT, command TEXT, path TEXT, line INTEGER, lines INTEGER, records INTEGER, bytes INTEGER, streams TEXT, raw_first INTEGER, first_clock INTEGER, first_flags INTEGER, raw_last INTEGER, last_clock INTEGER, last_flags INTEGER, host INTEGER, first INTEGER, last INTEGER);
CREATE TABLE host(id INTEGER PRIMARY KEY, name TEXT, kernel TEXT, os TEXT, model TEXT, cpu TEXT, boot INTEGER, capture INTEGER, cpus INTEGER, memory_mib INTEGER, load_1m REAL);
CREATE TABLE boot(host INTEGER, ordinal INTEGER, began INTEGER, why TEXT);
CREATE TABLE gpu(id TEXT, host INTEGER, gpu_index INTEGER, bdf TEXT, uuid TEXT, name TEXT, driver TEXT);
CREATE TABLE observation(id INTEGER PRIMARY KEY, kind INTEGER, member INTEGER, section INTEGER, line INTEGER, offset INTEGER, n INTEGER, severity INTEGER, raw INTEGER, raw_last INTEGER, clock INTEGER, flags INTEGER, raw_boot INTEGER, since INTEGER, said_host TEXT, unit TEXT, text TEXT, text_of INTEGER, hash INTEGER, time INTEGER, last INTEGER, onset INTEGER, uncertainty INTEGER, host INTEGER, boot INTEGER, gpu TEXT, copy INTEGER);
CREATE TABLE record_(id INTEGER PRIMARY KEY, interest INTEGER);
CREATE TABLE capture(id INTEGER, name TEXT, value, PRIMARY KEY(id, name)) WITHOUT ROWID;
CREATE TABLE template(id INTEGER PRIMARY KEY, text TEXT, n INTEGER, severity INTEGER, specimen TEXT, section INTEGER, line INTEGER, last_section INTEGER, last_line INTEGER, raw_first INTEGER, first_clock INTEGER, first_flags INTEGER, raw_last INTEGER, last_clock INTEGER, last_flags INTEGER, first INTEGER, last INTEGER);
CREATE TABLE block(id INTEGER PRIMARY KEY, member INTEGER, first_line INTEGER, last_line INTEGER, codec INTEGER, bytes INTEGER, data BLOB);
CREATE VIEW row_ AS SELECT o.id AS id, m.name AS source, o.line AS line, o.time AS time, coalesce(o.last, o.time) AS last, coalesce(o.onset, o.time) AS onset, o.raw_boot AS boot_time, o.uncertainty AS uncertainty, o.n AS n, h.name AS host, o.boot AS boot, o.gpu AS gpu, o.unit AS unit, o.severity AS severity, coalesce(o.text, (SELECT t.text FROM observation t WHERE t.id = o.text_of)) AS text FROM observation o LEFT JOIN member m ON m.id = o.member LEFT JOIN host h ON h.id = o.host WHERE o.copy IS NULL;
CREATE VIEW record AS SELECT r.*, i.name AS interest FROM record_ k JOIN row_ r ON r.id = k.id LEFT JOIN interest i ON i.id = k.interest;
