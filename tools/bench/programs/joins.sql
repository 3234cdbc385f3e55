-- SPDX-License-Identifier: MIT
-- sqlite3: tables in memory: rows are made, indexed, joined, grouped, changed, deleted.
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city INTEGER);
CREATE TABLE sale (id INTEGER PRIMARY KEY, customer INTEGER, amount INTEGER, note TEXT);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO customer SELECT i, 'customer ' || (i * 7919 % 20011), i * 31 % 97 FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)
INSERT INTO sale SELECT i, 1 + i * 7919 % 20000, i * 104729 % 10007, substr('some words of a note about what was sold', 1 + i % 30) || i FROM n;
CREATE INDEX sale_customer ON sale (customer, amount);
CREATE INDEX sale_note ON sale (note);
CREATE INDEX customer_city ON customer (city, name);
SELECT count(*), sum(amount) FROM sale JOIN customer ON customer.id = sale.customer WHERE city < 50;
SELECT city, group_concat(name), count(DISTINCT note) FROM customer JOIN sale ON customer.id = sale.customer
WHERE amount < 2000 GROUP BY city ORDER BY 3 DESC;
UPDATE sale SET note = note || ' paid' WHERE amount % 5 = 0;
DELETE FROM sale WHERE amount % 3 = 0;
CREATE TABLE top AS SELECT customer, max(amount) AS most, group_concat(note, ';') AS notes FROM sale GROUP BY customer;
SELECT count(*), sum(length(notes)) FROM top WHERE notes LIKE '%paid%';
SELECT a.name, b.name FROM customer a JOIN customer b ON a.city = b.city AND a.id < b.id AND a.name = b.name LIMIT 100;
