/*
 * A device with storage commitment, made of nothing but DCMTK, to talk to ours. TCP_NODELAY is left as DCMTK leaves it.
 *
 * usage: commitment_peer ask|leave PORT CALLING TRANSACTION CLASS INSTANCE [CLASS INSTANCE ...]   asks; ask: waits for the report, too
 *        commitment_peer called PORT CALLED                                                       takes one report on an association to it
 * Prints a line: "status XXXX", and for a report "report TYPE TRANSACTION held N failed N".
 */
#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmnet/scp.h"
#include "dcmtk/dcmnet/scu.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace
{
const char *const WELL_KNOWN = "1.2.840.10008.1.20.1.1";

OFList<OFString> syntaxes()
{
	OFList<OFString> list;

	list.push_back(UID_LittleEndianExplicitTransferSyntax);
	list.push_back(UID_LittleEndianImplicitTransferSyntax);
	return list;
}

unsigned long items(DcmDataset &dataset, const DcmTagKey &key)
{
	DcmSequenceOfItems *sequence = nullptr;

	return dataset.findAndGetSequence(key, sequence).good() && sequence != nullptr ? sequence->card() : 0;
}

void print_report(DcmDataset &dataset, unsigned type)
{
	OFString transaction;

	(void)dataset.findAndGetOFString(DCM_TransactionUID, transaction);
	(void)std::printf("report %u %s held %lu failed %lu\n", type, transaction.c_str(),
	                  items(dataset, DCM_ReferencedSOPSequence), items(dataset, DCM_FailedSOPSequence));
	(void)std::fflush(stdout);
}

bool failed(const char *what, const OFCondition &cond)
{
	if (cond.bad())
		(void)std::fprintf(stderr, "%s: %s\n", what, cond.text());
	return cond.bad();
}

/* 0 where it is none: nobody listens there. */
Uint16 port_of(const char *text)
{
	char *end;
	long port = std::strtol(text, &end, 10);

	return *end == '\0' && port > 0 && port <= 65535 ? static_cast<Uint16>(port) : 0;
}

int ask(int argc, char **argv, bool waits)
{
	DcmSCU scu;
	DcmDataset request, *report = nullptr;
	Uint16 status = 0, type = 0;
	T_ASC_PresentationContextID context;

	scu.setPeerHostName("127.0.0.1");
	scu.setPeerPort(port_of(argv[0]));
	scu.setAETitle(argv[1]);
	scu.setPeerAETitle("YINGQIAO");
	scu.setDIMSETimeout(60);
	scu.setDIMSEBlockingMode(DIMSE_NONBLOCKING);
	if (failed("context", scu.addPresentationContext(UID_StorageCommitmentPushModelSOPClass, syntaxes())) ||
	    failed("network", scu.initNetwork()) || failed("association", scu.negotiateAssociation()))
		return 1;
	(void)request.putAndInsertString(DCM_TransactionUID, argv[2]);
	for (int i = 3; i + 1 < argc; i += 2) {
		DcmItem *item = nullptr;

		(void)request.findOrCreateSequenceItem(DCM_ReferencedSOPSequence, item, -2);
		(void)item->putAndInsertString(DCM_ReferencedSOPClassUID, argv[i]);
		(void)item->putAndInsertString(DCM_ReferencedSOPInstanceUID, argv[i + 1]);
	}
	context = scu.findPresentationContextID(UID_StorageCommitmentPushModelSOPClass, "");
	if (failed("N-ACTION", scu.sendACTIONRequest(context, WELL_KNOWN, 1, &request, status)))
		return 1;
	(void)std::printf("status %04x\n", static_cast<unsigned>(status));
	if (waits) {
		if (failed("N-EVENT-REPORT", scu.handleEVENTREPORTRequest(report, type, 60)))
			return 1;
		print_report(*report, type);
		delete report;
	}
	return failed("release", scu.releaseAssociation());
}

class Called : public DcmSCP
{
      public:
	bool is_done() const
	{
		return is_done_;
	}

      protected:
	OFCondition handleIncomingCommand(T_DIMSE_Message *message, const DcmPresentationContextInfo &context) override
	{
		DcmDataset *dataset = nullptr;
		Uint16 type = 0;
		OFCondition cond;

		if (message->CommandField != DIMSE_N_EVENT_REPORT_RQ)
			return DcmSCP::handleIncomingCommand(message, context);
		cond =
		    handleEVENTREPORTRequest(message->msg.NEventReportRQ, context.presentationContextID, dataset, type);
		if (cond.good() && dataset != nullptr) {
			print_report(*dataset, type);
			is_done_ = true;
		}
		delete dataset;
		return cond;
	}
	OFBool stopAfterCurrentAssociation() override
	{
		return is_done_;
	}

      private:
	bool is_done_ = false;
};

int called(char **argv)
{
	Called scp;

	scp.getConfig().setPort(port_of(argv[0]));
	scp.getConfig().setAETitle(argv[1]);
	scp.getConfig().setConnectionBlockingMode(DUL_BLOCK);
	/* Of the requestor, who is the provider here. */
	if (failed("context", scp.getConfig().addPresentationContext(UID_StorageCommitmentPushModelSOPClass, syntaxes(),
	                                                             ASC_SC_ROLE_SCP)))
		return 1;
	return failed("listen", scp.listen()) || !scp.is_done();
}
} // namespace

int main(int argc, char **argv)
{
	OFLog::configure(OFLogger::WARN_LOG_LEVEL);
	if (argc >= 7 && std::strcmp(argv[1], "ask") == 0)
		return ask(argc - 2, argv + 2, true);
	if (argc >= 7 && std::strcmp(argv[1], "leave") == 0)
		return ask(argc - 2, argv + 2, false);
	if (argc == 4 && std::strcmp(argv[1], "called") == 0)
		return called(argv + 2);
	(void)std::fprintf(stderr, "usage: commitment_peer ask|leave|called ...\n");
	return 64;
}
